//! What charts make, as a real API server takes it: every field known, and Pods as the restricted profile wants them.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use charts::matrix::{WATCHED, cases};
use charts::{Rendered, helms, others};
use harness::{Cluster, ControlPlane};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

#[tokio::test]
async fn a_real_api_server_takes_each_case() -> Result<()> {
    let own = ControlPlane::start().await?;
    for namespace in ["here", WATCHED] {
        restricted(&own, namespace).await?;
    }
    own.install_crds(others::definitions()?).await?;
    for case in cases() {
        let rendered = helms()?[1].template(case.chart, "here", &case.values)?;
        let said = applied(&own, &rendered).with_context(|| format!("{case:?}"))?;
        ensure!(said.is_empty(), "{case:?}: {said}");
    }

    // It would be told.
    let values = json!({ "securityContext": { "allowPrivilegeEscalation": true } });
    let said = applied(
        &own,
        &helms()?[1].template("cloud-operator", "here", &values)?,
    )?;
    ensure!(said.contains("would violate PodSecurity"), "{said}");
    let values = json!({ "affinity": { "nodeAfinity": {} } });
    let refused = applied(
        &own,
        &helms()?[1].template("cloud-operator", "here", &values)?,
    );
    let refused = format!("{:#}", refused.expect_err("there is no such field"));
    ensure!(refused.contains("nodeAfinity"), "{refused}");
    own.stop().await;
    Ok(())
}

/// What the API server warns of where it is asked to store all that, and would.
fn applied(cluster: &Cluster, rendered: &Rendered) -> Result<String> {
    let mut kubectl = cluster.kubectl();
    kubectl
        .args([
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut asked = kubectl.spawn().context("cannot run kubectl")?;
    let stream = rendered.stream();
    if stream.is_empty() {
        asked.kill()?;
        asked.wait()?;
        return Ok(String::new());
    }
    let mut input = asked.stdin.take().context("an input")?;
    input.write_all(stream.as_bytes())?;
    drop(input);
    let answer = asked.wait_with_output()?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    ensure!(answer.status.success(), "{said}");
    Ok(said)
}

async fn restricted(cluster: &Cluster, name: &str) -> Result<()> {
    let mode = |mode| {
        (
            format!("pod-security.kubernetes.io/{mode}"),
            "restricted".to_owned(),
        )
    };
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(name.to_owned());
    namespace.metadata.labels = Some(["enforce", "warn"].map(mode).into());
    let namespaces: Api<Namespace> = Api::all(cluster.client()?);
    namespaces
        .create(&PostParams::default(), &namespace)
        .await?;
    Ok(())
}
