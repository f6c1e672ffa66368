//! Backends: what validation refuses, and what cannot be constructed.

use std::fs::File;

use crate::spec::backend::{Backend, HealthCheck};

use super::{authentication, limits, one_of, tls};

pub(super) fn check(backend: &Backend) -> Result<(), String> {
    if backend.hosts.is_empty() {
        return Err("at least one host is required".into());
    }
    for host in &backend.hosts {
        if host.address.is_empty() {
            return Err("hosts: an address is required".into());
        }
        if !(1..=65535).contains(&host.port) {
            let port = host.port;
            return Err(format!(
                "hosts: port must be between 1 and 65535, not {port}"
            ));
        }
        if host.weight < 0 {
            return Err("hosts: weight cannot be negative".into());
        }
    }
    if let Some(it) = &backend.health_check {
        health_check(it)?;
    }
    one_of(
        "loadBalancer.algorithm",
        &backend.load_balancer.algorithm,
        &["roundRobin", "weighted", "leastConn", "random"],
    )?;
    if let Some(it) = &backend.tls {
        tls::backend(it)?;
    }
    if let Some(it) = &backend.max_sessions {
        limits::max_sessions(it)?;
    }
    if let Some(it) = &backend.rate_limit {
        limits::rate_limit(it)?;
    }
    Ok(())
}

/// What fails before validation: the backend is started from its configuration, and its TLS files
/// and credentials must be there.
pub(crate) fn construct(backend: &Backend) -> Result<(), String> {
    if let Some(tls) = backend.tls.as_ref().filter(|tls| tls.enabled) {
        for file in [&tls.ca_file, &tls.cert_file, &tls.key_file] {
            if !file.is_empty() {
                File::open(file).map_err(|e| format!("failed to load TLS file {file}: {e}"))?;
            }
        }
    }
    backend
        .authentication
        .as_ref()
        .map_or(Ok(()), authentication::construct)
}

fn health_check(it: &HealthCheck) -> Result<(), String> {
    if it.path.is_empty() {
        return Err("healthCheck.path is required".into());
    }
    if it.interval.is_negative() || it.timeout.is_negative() {
        return Err("healthCheck: interval and timeout cannot be negative".into());
    }
    if it.healthy_threshold < 0 || it.unhealthy_threshold < 0 {
        return Err("healthCheck: thresholds cannot be negative".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    fn with(field: &str, value: &Value) -> Result<(), String> {
        let mut backend = json!({"name": "b", "hosts": [{"address": "a", "port": 80}]});
        backend[field] = value.clone();
        checked(Kind::Backend, backend)
    }

    #[rstest]
    #[case("hosts", json!([{"address": "a", "port": 80, "weight": 1}, {"address": "b", "port": 80, "weight": 1}]))]
    #[case("healthCheck", json!({"path": "/health", "interval": "10s"}))]
    #[case("loadBalancer", json!({"algorithm": "leastConn"}))]
    #[case("rateLimit", json!({"enabled": true, "requestsPerSecond": 1, "burst": 1}))]
    fn accepted(#[case] field: &str, #[case] value: Value) {
        assert_eq!(with(field, &value), Ok(()));
    }

    #[rstest]
    #[case("hosts", json!([]), "at least one")]
    #[case("hosts", json!([{"address": "", "port": 80}]), "address")]
    #[case("hosts", json!([{"address": "a"}]), "not 0")]
    #[case("hosts", json!([{"address": "a", "port": 80, "weight": -1}]), "weight")]
    #[case("healthCheck", json!({"interval": "10s"}), "path")]
    #[case("healthCheck", json!({"path": "/", "timeout": "-1s"}), "negative")]
    #[case("healthCheck", json!({"path": "/", "healthyThreshold": -1}), "thresholds")]
    #[case("loadBalancer", json!({"algorithm": "best"}), "best")]
    #[case("rateLimit", json!({"enabled": true, "burst": 1}), "requestsPerSecond")]
    #[case("maxSessions", json!({"enabled": true}), "maxConcurrent")]
    fn refused(#[case] field: &str, #[case] value: Value, #[case] reason: &str) {
        let refusal = with(field, &value).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }
}
