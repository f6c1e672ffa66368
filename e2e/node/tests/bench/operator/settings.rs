//! What an operator is told in its ConfigMap.

use anyhow::Result;
use harness::wait::{PATIENCE, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use node::Bench;
use serde_json::json;

use super::deployment::Wish;
use super::installed::Installed;
use crate::stage::{container, is_ready, same};

pub async fn are_those_of_its_config_map(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, Wish::of(1)).await?;
    let pod = installed.pod().await?;
    installed.set(json!({ "LOG_LEVEL": "debug" })).await?;
    installed
        .logs(&pod, "settings that were changed are in force")
        .await?;
    same(
        container(&installed.pod().await?)["restartCount"].clone(),
        json!(0),
    )?;

    // What takes a restart makes it end in order, and the node starts it again.
    installed
        .set(json!({ "FEATURE_GATES": "DebugState=false" }))
        .await?;
    let again = |pod: &Pod| container(pod)["restartCount"] == 1 && is_ready(pod);
    let pods: Api<Pod> = installed.namespace.api()?;
    let pod = wait_for(
        &pods,
        &pod.name_any(),
        "it to start again",
        2 * PATIENCE,
        again,
    )
    .await?;
    same(
        container(&pod)["lastState"]["terminated"]["reason"].clone(),
        json!("Completed"),
    )
}
