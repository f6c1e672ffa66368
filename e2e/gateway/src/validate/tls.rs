//! TLS blocks.

use crate::spec::tls::{BackendTls, RouteTls, Vault};

use super::one_of;

const VERSIONS: [&str; 2] = ["TLS12", "TLS13"];

pub(super) fn route(it: &RouteTls) -> Result<(), String> {
    let (cert, key) = (!it.cert_file.is_empty(), !it.key_file.is_empty());
    if cert != key {
        return Err("tls: certFile and keyFile must be given together".into());
    }
    if !it.sni_hosts.is_empty() && !cert && !it.vault.enabled {
        return Err("tls: sniHosts needs certFile and keyFile, or vault".into());
    }
    vault("tls.vault", &it.vault)?;
    if it.client_validation.enabled && it.client_validation.ca_file.is_empty() {
        return Err("tls.clientValidation needs caFile".into());
    }
    if let Some(host) = it.sni_hosts.iter().find(|host| !is_host(host)) {
        return Err(format!("tls.sniHosts: {host:?} is no host name"));
    }
    versions(&it.min_version, &it.max_version)
}

pub(super) fn backend(it: &BackendTls) -> Result<(), String> {
    if !it.enabled {
        return Ok(());
    }
    one_of("tls.mode", &it.mode, &["SIMPLE", "MUTUAL", "INSECURE"])?;
    let files = !it.cert_file.is_empty() && !it.key_file.is_empty();
    if it.mode == "MUTUAL" && !files && !it.vault.enabled {
        return Err("tls: mode MUTUAL needs certFile and keyFile, or vault".into());
    }
    vault("tls.vault", &it.vault)?;
    versions(&it.min_version, &it.max_version)
}

fn vault(what: &str, it: &Vault) -> Result<(), String> {
    if !it.enabled {
        return Ok(());
    }
    for (field, value) in [
        ("pkiMount", &it.pki_mount),
        ("role", &it.role),
        ("commonName", &it.common_name),
    ] {
        if value.is_empty() {
            return Err(format!("{what}.{field} is required"));
        }
    }
    Ok(())
}

fn versions(min: &str, max: &str) -> Result<(), String> {
    one_of("tls.minVersion", min, &VERSIONS)?;
    one_of("tls.maxVersion", max, &VERSIONS)?;
    if min == "TLS13" && max == "TLS12" {
        return Err("tls: minVersion is above maxVersion".into());
    }
    Ok(())
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        label == "*"
            || ((1..=63).contains(&label.len())
                && label.chars().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-'))
    };
    host.len() <= 253 && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    fn route(tls: &Value) -> Result<(), String> {
        let route = json!({"name": "r", "redirect": {"uri": "/"}, "tls": tls});
        checked(Kind::ApiRoute, route)
    }

    fn backend(tls: &Value) -> Result<(), String> {
        let hosts = json!([{"address": "a", "port": 1}]);
        checked(
            Kind::Backend,
            json!({"name": "b", "hosts": hosts, "tls": tls}),
        )
    }

    #[rstest]
    #[case(json!({"certFile": "c", "keyFile": "k", "sniHosts": ["*.a.test", "b"]}))]
    #[case(json!({"vault": {"enabled": true, "pkiMount": "p", "role": "r", "commonName": "c"}, "sniHosts": ["a"]}))]
    #[case(json!({"minVersion": "TLS12", "maxVersion": "TLS13"}))]
    fn routes_accepted(#[case] tls: Value) {
        assert_eq!(route(&tls), Ok(()));
    }

    #[rstest]
    #[case(json!({"certFile": "c"}), "together")]
    #[case(json!({"keyFile": "k"}), "together")]
    #[case(json!({"sniHosts": ["a"]}), "sniHosts needs")]
    #[case(json!({"vault": {"enabled": true, "pkiMount": "p", "role": "r"}}), "commonName")]
    #[case(json!({"clientValidation": {"enabled": true}}), "caFile")]
    #[case(json!({"certFile": "c", "keyFile": "k", "sniHosts": ["a_b"]}), "a_b")]
    #[case(json!({"certFile": "c", "keyFile": "k", "sniHosts": ["a..b"]}), "a..b")]
    #[case(json!({"minVersion": "TLS11"}), "TLS11")]
    #[case(json!({"minVersion": "TLS13", "maxVersion": "TLS12"}), "above")]
    fn routes_refused(#[case] tls: Value, #[case] reason: &str) {
        let refusal = route(&tls).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }

    #[rstest]
    #[case(json!({"mode": "NONE"}), "NONE")]
    #[case(json!({"mode": "MUTUAL", "certFile": "c"}), "MUTUAL")]
    #[case(json!({"vault": {"enabled": true}}), "pkiMount")]
    #[case(json!({"maxVersion": "x"}), "maxVersion")]
    fn backends_refused_when_enabled(#[case] mut tls: Value, #[case] reason: &str) {
        assert_eq!(backend(&tls), Ok(()), "it is not enabled");
        tls["enabled"] = true.into();
        let refusal = backend(&tls).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }
}
