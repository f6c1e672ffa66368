//! Replicas of an operator: one leads, and others follow.

use std::pin::pin;

use anyhow::{Context, Result, bail, ensure};
use cloud_operator::NAME;
use futures::StreamExt;
use harness::process::Signal;
use harness::wait::{PATIENCE, until, wait_for, wait_gone};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, EvictParams};
use kube::runtime::watcher::watch_object;
use node::Bench;
use serde_json::json;

use super::deployment::Wish;
use super::installed::{Installed, complete};
use crate::stage::{apply, container, is_ready, same};

pub async fn leave_no_gap_in_a_rollout(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, Wish::of(2)).await?;
    let before = installed.names().await?;
    installed
        .leader(|leader| before.iter().any(|it| it == leader.pod()))
        .await?;

    let deployments: Api<Deployment> = installed.namespace.api()?;
    let old = deployments.get(NAME).await?.metadata.generation;
    installed
        .deploy(&Wish::of(2).with("--drift-interval=30m"))
        .await?;
    let watched = async {
        let mut states = pin!(watch_object(deployments.clone(), NAME));
        while let Some(state) = states.next().await {
            let deployment = state?.context("the Deployment is there")?;
            let available = deployment
                .status
                .as_ref()
                .and_then(|it| it.available_replicas);
            ensure!(
                available >= Some(2),
                "{available:?} are available during the rollout"
            );
            if deployment.metadata.generation > old && complete(&deployment).is_ok() {
                return Ok(());
            }
        }
        bail!("the watch has ended")
    };
    tokio::time::timeout(3 * PATIENCE, watched)
        .await
        .context("the rollout takes too long")??;
    let after = installed.names().await?;
    ensure!(
        after.len() == 2 && after.iter().all(|it| !before.contains(it)),
        "{before:?}, {after:?}"
    );
    // The old leader has given the lease back.
    installed
        .leader(|leader| after.iter().any(|it| it == leader.pod()))
        .await?;
    Ok(())
}

pub async fn follow_a_killed_leader(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, Wish::of(2)).await?;
    let first = installed.leader(|_| true).await?;
    let pods: Api<Pod> = installed.namespace.api()?;
    let pod = first.pod();
    let process = container(&pods.get(pod).await?)["containerID"].clone();
    let process = process
        .as_str()
        .and_then(|it| it.strip_prefix("process://")?.parse().ok());
    let process =
        rustix::process::Pid::from_raw(process.context("a process")?).context("a process")?;
    rustix::process::kill_process(process, Signal::KILL)?;

    // It may be the next process of the same Pod, which the node starts at once.
    installed.leader(|leader| *leader != first).await?;
    let again = |pod: &Pod| container(pod)["restartCount"] == 1 && is_ready(pod);
    let pod = wait_for(&pods, pod, "it to start again", PATIENCE, again).await?;
    same(
        container(&pod)["lastState"]["terminated"]["exitCode"].clone(),
        json!(137),
    )
}

pub async fn are_kept_by_a_budget(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, Wish::of(1)).await?;
    apply(
        bench,
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "name": NAME, "namespace": installed.name() },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": NAME } } },
        }),
    )
    .await?;
    let pods: Api<Pod> = installed.namespace.api()?;
    let evict = async |name: &str| pods.evict(name, &EvictParams::default()).await;
    let only = installed.pod().await?.name_any();
    let refused = || async {
        match evict(&only).await {
            Err(kube::Error::Api(status)) if status.message.contains("disruption budget") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    until("the eviction to be refused", PATIENCE, refused).await?;

    installed.deploy(&Wish::of(2)).await?;
    installed.available().await?;
    let granted = || async { evict(&only).await.map(drop) };
    until("one of two to be evicted", PATIENCE, granted).await?;
    wait_gone(&pods, &only, 2 * PATIENCE).await?;
    installed.available().await?;
    Ok(())
}
