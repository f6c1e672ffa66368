//! A rollback that is refused for the sake of users' fields, as it is before Kubernetes 1.36, and the way out.

#[allow(dead_code, reason = "the stage of the tests beside this one")]
#[path = "../definitions/stage.rs"]
mod stage;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::{Helm, chart, helms};
use harness::ControlPlane;
use serde_json::{Value, json};
use stage::{Stage, later};

const WHY: &str = "objects would lose the fields";

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_helm_3_is_refused_has_a_way_out() -> Result<()> {
    a_refused_rollback_has_a_way_out(&helms()?[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_helm_4_is_refused_has_a_way_out() -> Result<()> {
    a_refused_rollback_has_a_way_out(&helms()?[1]).await
}

async fn a_refused_rollback_has_a_way_out(helm: &Helm) -> Result<()> {
    let own = ControlPlane::start().await?;
    let (present, later) = (chart("cloud-operator"), later()?);
    let stage = Stage::new(&own)?;
    let upgrade =
        |chart: &Path, values: Value| helm.upgrade(own.kubeconfig(), chart, "here", &values, &[]);
    let state = || {
        let told = helm.on(
            own.kubeconfig(),
            "here",
            &["status", "installed", "--output=json"],
        )?;
        let told: Value = serde_json::from_str(&told)?;
        let state = told["info"]["status"].as_str().context("no status")?;
        anyhow::Ok(state.to_owned())
    };
    upgrade(&present, json!({}))?;
    upgrade(later.path(), json!({}))?;
    stage.has_field().await?;
    // From Kubernetes 1.36 on it would put back what stands.
    stage.remove("MutatingAdmissionPolicy").await?;
    stage.refuses(WHY).await?;

    let rolled = helm.on(own.kubeconfig(), "here", &["rollback", "installed", "1"]);
    let refused = format!("{:#}", rolled.err().context("it is not refused")?);
    ensure!(refused.contains(WHY), "{refused}");
    let earlier = format!("cloud-operator-{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(stage.operator().await?, earlier, "all else goes back");
    ensure!(stage.knows_field().await?, "the later definition is gone");
    ensure!(state()? == "failed", "the release is {}", state()?);

    upgrade(&present, json!({ "crds": { "install": false } }))?;
    ensure!(state()? == "deployed", "the release is {}", state()?);
    assert_eq!(stage.operator().await?, earlier);
    ensure!(stage.knows_field().await?, "the later definition is gone");
    ensure!(stage.touched().await?, "the user's field is gone");

    upgrade(later.path(), json!({}))?;
    assert_eq!(stage.operator().await?, "cloud-operator-99.0.0");
    own.stop().await;
    Ok(())
}
