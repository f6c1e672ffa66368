//! What a container has written, by the API server.

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use node::Bench;
use serde_json::json;

use crate::stage::{apply, pod, restricted, same, shell};

pub async fn are_the_api_servers(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "logs").await?;
    let once = json!({ "restartPolicy": "Never" });
    let script = "echo the disk is on fire; echo so is the rack >&2";
    apply(bench, pod(&namespace, "target", once, shell(script))).await?;
    let pods: Api<Pod> = namespace.api()?;
    let ended =
        |pod: &Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Succeeded");
    let pod = wait_for(&pods, "target", "it to end", PATIENCE, ended).await?;
    let told = pods.logs("target", &LogParams::default()).await?;
    ensure!(
        told.contains("the disk is on fire\nso is the rack\n"),
        "{told}"
    );
    same(told, bench.node().log(&pod)?)?;

    let last = LogParams {
        tail_lines: Some(1),
        ..LogParams::default()
    };
    let refused = pods.logs("target", &last).await;
    let refused = refused.err().context("the wish is not heeded")?.to_string();
    ensure!(refused.contains("knows no tailLines=1"), "{refused}");
    Ok(())
}
