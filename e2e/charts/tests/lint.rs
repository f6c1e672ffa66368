//! What Helm itself finds wrong with charts and values.

use anyhow::{Context, Result, ensure};
use charts::matrix::{INSTALLED, cases};
use charts::{Helm, helms};
use rstest::rstest;
use serde_json::{Value, json};

#[test]
fn helm_finds_nothing_wrong() -> Result<()> {
    for helm in helms()? {
        for chart in INSTALLED.into_iter().chain(["operator-library"]) {
            helm.lint(chart, &json!({}))?;
        }
        for case in cases() {
            helm.lint(case.chart, &case.values)
                .with_context(|| format!("{case:?}"))?;
        }
    }
    Ok(())
}

#[test]
fn each_case_is_rendered_the_same_each_time_and_by_each_helm() -> Result<()> {
    let [earlier, present] = helms()?;
    for case in cases() {
        let render = |helm: &Helm| helm.template(case.chart, "here", &case.values);
        let rendered = render(present)?;
        let is_empty = rendered.all().next().is_none();
        ensure!(is_empty == (case.name == "nothing turned on"), "{case:?}");
        ensure!(rendered == render(present)?, "{case:?}: not the same twice");
        ensure!(
            rendered == render(earlier)?,
            "{case:?}: not the same by helm 3"
        );
    }
    Ok(())
}

#[rstest]
#[case(json!({ "leaderElection": { "leaseDuration": "1m", "renewDeadline": "40s", "retryPeriod": "33.3s" } }))]
#[case(json!({ "replicaCount": 3, "podDisruptionBudget": { "enabled": true, "minAvailable": "66%" } }))]
#[case(json!({ "replicaCount": 0, "podDisruptionBudget": { "enabled": true, "minAvailable": 1 } }))]
#[case(json!({ "podDisruptionBudget": { "enabled": true, "maxUnavailable": "1%" } }))]
#[case(json!({ "serviceMonitor": { "enabled": true, "interval": "1m", "scrapeTimeout": "60s" } }))]
#[case(json!({ "resources": { "requests": { "cpu": 1, "memory": "1.5Gi" }, "limits": { "ephemeral-storage": "2e9" } } }))]
#[case(json!({ "otlp": { "sampler": "traceidratio", "samplerArg": "0.1" }, "aws": { "callRate": 0 } }))]
#[case(json!({ "metrics": { "enabled": false, "secure": false }, "service": { "type": "LoadBalancer" } }))]
#[case(json!({
    "metrics": { "secure": false }, "serviceMonitor": { "enabled": true },
    "networkPolicy": { "enabled": true, "metricsFrom": [{ "podSelector": {} }] },
}))]
fn what_just_fits_is_allowed(#[case] values: Value) -> Result<()> {
    for helm in helms()? {
        helm.template("cloud-operator", "here", &values)?;
    }
    Ok(())
}

#[rstest]
#[case("cloud-operator", json!({ "replicas": 2 }), "replicas")]
#[case("cloud-operator", json!({ "leaderElection": { "lease": "15s" } }), "lease")]
#[case("cloud-operator", json!({ "leaderElection": { "leaseDuration": "15 s" } }), "leaseDuration")]
#[case("cloud-operator", json!({ "featureGates": { "Webhooks": true } }), "Webhooks")]
#[case("cloud-operator", json!({ "grpc": { "port": 9444 } }), "grpc")]
#[case("cloud-operator", json!({ "defaultDeletionPolicy": "Keep" }), "defaultDeletionPolicy")]
#[case("cloud-operator", json!({ "image": { "digest": "latest" } }), "digest")]
#[case("cloud-operator", json!({ "metrics": { "readers": [{ "name": "prometheus" }] } }), "namespace")]
#[case("apigw-operator", json!({ "webhook": { "enabled": true } }), "webhook")]
#[case("apigw-operator", json!({ "grpc": { "tls": { "mode": "vault" } } }), "mode")]
#[case("cloud-operator", json!({ "replicaCount": -1 }), "replicaCount")]
#[case("cloud-operator", json!({ "metrics": { "port": 0 } }), "port")]
#[case("cloud-operator", json!({ "probes": { "port": 65536 } }), "port")]
#[case("cloud-operator", json!({ "probes": { "liveness": { "periodSeconds": 0 } } }), "periodSeconds")]
#[case("cloud-operator", json!({ "probes": { "readiness": { "httpGet": {} } } }), "httpGet")]
#[case("cloud-operator", json!({ "maxConcurrentReconciles": 0 }), "maxConcurrentReconciles")]
#[case("cloud-operator", json!({ "maxConcurrentReconciles": 1025 }), "maxConcurrentReconciles")]
#[case("cloud-operator", json!({ "apiWrites": { "burst": 0 } }), "burst")]
#[case("cloud-operator", json!({ "aws": { "callRate": 10001 } }), "callRate")]
#[case("cloud-operator", json!({ "webIdentity": { "expirationSeconds": 599 } }), "expirationSeconds")]
#[case("cloud-operator", json!({ "resources": { "limits": { "memory": "256 MB" } } }), "memory")]
#[case("cloud-operator", json!({ "resources": { "limit": {} } }), "limit")]
#[case("cloud-operator", json!({ "podDisruptionBudget": { "minAvailable": "150%" } }), "minAvailable")]
#[case("cloud-operator", json!({ "podDisruptionBudget": { "maxUnavailable": -1 } }), "maxUnavailable")]
#[case("cloud-operator", json!({ "serviceMonitor": { "interval": "1.5m" } }), "interval")]
#[case("cloud-operator", json!({ "service": { "type": "ExternalName" } }), "type")]
#[case("cloud-operator", json!({ "otlp": { "sampler": "sometimes" } }), "sampler")]
#[case("cloud-operator", json!({ "watchNamespaces": ["a,b"] }), "watchNamespaces")]
#[case("cloud-operator", json!({ "aws": { "allowedRoles": ["a,b"] } }), "allowedRoles")]
#[case("cloud-operator", json!({ "certificate": { "existingSecret": "Corporate" } }), "existingSecret")]
#[case("cloud-operator", json!({ "installationId": "a b" }), "installationId")]
#[case("cloud-operator", json!({ "earlierInstallations": ["a/b"] }), "earlierInstallations")]
#[case("operator-suite", json!({ "cloud": { "enabled": true } }), "cloud")]
#[case("operator-suite", json!({ "cloud-operator": { "enabled": true, "replica": 2 } }), "replica")]
#[case::together("cloud-operator", json!({ "replicaCount": 2, "leaderElection": { "enabled": false } }), "replicaCount is 2")]
#[case::together("cloud-operator",
    json!({ "podDisruptionBudget": { "enabled": true, "minAvailable": 1, "maxUnavailable": 1 } }), "minAvailable and")]
#[case::together("cloud-operator", json!({ "leaderElection": { "renewDeadline": "15s" } }), "renewDeadline is 15s")]
#[case::together("cloud-operator", json!({ "leaderElection": { "enabled": false, "renewDeadline": "20s" } }), "renewDeadline is 20s")]
#[case::together("cloud-operator", json!({ "leaderElection": { "leaseDuration": "15500ms" } }), "leaseDuration is 15500ms")]
#[case::together("cloud-operator", json!({ "leaderElection": { "retryPeriod": "8334ms" } }), "retryPeriod is 8334ms")]
#[case::together("cloud-operator",
    json!({ "leaderElection": { "leaseDuration": "0.5m", "renewDeadline": "0h30s" } }), "renewDeadline is 0h30s")]
#[case::together("cloud-operator", json!({ "podDisruptionBudget": { "enabled": true, "minAvailable": 1 } }), "minAvailable is 1")]
#[case::together("cloud-operator",
    json!({ "replicaCount": 3, "podDisruptionBudget": { "enabled": true, "minAvailable": "67%" } }), "minAvailable is 67%")]
#[case::together("cloud-operator",
    json!({ "replicaCount": 2, "podDisruptionBudget": { "enabled": true, "maxUnavailable": "0%" } }), "maxUnavailable is 0%")]
#[case::together("cloud-operator",
    json!({ "image": { "tag": "0.2.0", "digest": format!("sha256:{}", "0".repeat(64)) } }), "image.tag is 0.2.0")]
#[case::together("cloud-operator", json!({ "probes": { "port": 8080 } }), "probes and metrics")]
#[case::together("cloud-operator", json!({ "webhook": { "port": 8081 } }), "probes and webhooks")]
#[case::together("apigw-operator", json!({ "grpc": { "port": 8080 } }), "metrics and grpc")]
#[case::together("cloud-operator", json!({ "extraEnv": [{ "name": "LEADER_ELECT", "value": "false" }] }), "LEADER_ELECT")]
#[case::together("cloud-operator", json!({ "extraEnv": [{ "name": "DRIFT_INTERVAL", "value": "2h" }] }), "DRIFT_INTERVAL")]
#[case::together("apigw-operator", json!({ "extraEnv": [{ "name": "LOG_LEVEL", "value": "debug" }] }), "LOG_LEVEL")]
#[case::together("apigw-operator",
    json!({ "metrics": { "secure": false }, "service": { "type": "LoadBalancer" } }), "service.type is LoadBalancer")]
#[case::together("cloud-operator",
    json!({ "metrics": { "secure": false }, "service": { "type": "NodePort" } }), "service.type is NodePort")]
#[case::together("cloud-operator",
    json!({ "serviceMonitor": { "enabled": true, "interval": "30s", "scrapeTimeout": "1m" } }), "scrapeTimeout is 1m")]
#[case::together("cloud-operator", json!({ "metrics": { "enabled": false }, "serviceMonitor": { "enabled": true } }), "serviceMonitor.enabled")]
#[case::together("cloud-operator", json!({ "metrics": { "enabled": false }, "prometheusRule": { "enabled": true } }), "prometheusRule.enabled")]
#[case::together("cloud-operator", json!({ "metrics": { "enabled": false }, "dashboard": { "enabled": true } }), "dashboard.enabled")]
#[case::together("cloud-operator",
    json!({ "metrics": { "secure": false }, "serviceMonitor": { "enabled": true }, "networkPolicy": { "enabled": true } }),
    "networkPolicy.metricsFrom")]
#[case::together("cloud-operator", json!({ "certificate": { "mode": "existing" } }), "certificate.existingSecret")]
#[case::together("cloud-operator", json!({ "certificate": { "mode": "cert-manager" } }), "certificate.issuerRef.name")]
#[case::together("cloud-operator", json!({ "webIdentity": { "enabled": true } }), "webIdentity.roleArn")]
#[case::together("apigw-operator",
    json!({ "grpc": { "tls": { "mode": "cert-manager", "issuerRef": { "name": "a" }, "gatewayCertSecrets": [{ "name": "b" }] } } }),
    "gatewayCertSecrets")]
#[case::together("apigw-operator",
    json!({ "grpc": { "tls": { "gatewayCertSecrets": [{ "name": "a" }, { "namespace": "here", "name": "a" }] } } }), "has here/a,")]
#[case::together("apigw-operator",
    json!({ "grpc": { "tls": { "gatewayCertSecrets": [{ "name": "avapigw-operator-grpc-cert" }] } } }), "here/avapigw-operator-grpc-cert")]
#[case::together("apigw-operator", json!({ "grpc": { "tls": { "mode": "file" } } }), "grpc.tls.mode is file")]
fn what_is_not_allowed_is_refused_by_name(
    #[case] chart: &str,
    #[case] values: Value,
    #[case] named: &str,
) -> Result<()> {
    for helm in helms()? {
        let refused = helm.template(chart, "here", &values);
        let said = format!("{:#}", refused.expect_err("it is not allowed"));
        ensure!(said.contains(named), "{named} is not in: {said}");
    }
    Ok(())
}
