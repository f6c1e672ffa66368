//! What Helm itself finds wrong with charts and values.

use anyhow::{Result, ensure};
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
#[case("operator-suite", json!({ "cloud": { "enabled": true } }), "cloud")]
#[case("operator-suite", json!({ "cloud-operator": { "enabled": true, "replica": 2 } }), "replica")]
#[case::together("cloud-operator", json!({ "replicaCount": 2, "leaderElection": { "enabled": false } }), "replicaCount is 2")]
#[case::together("cloud-operator",
    json!({ "podDisruptionBudget": { "enabled": true, "minAvailable": 1, "maxUnavailable": 1 } }), "minAvailable and")]
#[case::together("cloud-operator", json!({ "metrics": { "enabled": false }, "serviceMonitor": { "enabled": true } }), "metrics.enabled")]
#[case::together("cloud-operator", json!({ "certificate": { "mode": "existing" } }), "certificate.existingSecret")]
#[case::together("cloud-operator", json!({ "certificate": { "mode": "cert-manager" } }), "certificate.issuerRef.name")]
#[case::together("cloud-operator", json!({ "webIdentity": { "enabled": true } }), "webIdentity.roleArn")]
#[case::together("apigw-operator",
    json!({ "grpc": { "tls": { "mode": "cert-manager", "issuerRef": { "name": "a" }, "gatewayCertSecrets": [{ "name": "b" }] } } }),
    "gatewayCertSecrets")]
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
