//! The end of Pods that are deleted.

use anyhow::Result;
use harness::Namespace;
use harness::wait::{PATIENCE, until, wait_for, wait_gone};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use node::Bench;
use serde_json::json;

use crate::stage::{apply, container as status, event, is_ready, pod, restricted, same, shell};

pub async fn sends_sigterm_and_then_sigkill(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "deletion").await?;
    let pods: Api<Pod> = namespace.api()?;
    for (name, grace, command, code) in [("asked", 60, "exit 7", 7), ("killed", 1, "", 137)] {
        let running = trapped(bench, &namespace, name, grace, command).await?;
        same((name, is_ready(&running)), (name, true))?;

        pods.delete(name, &DeleteParams::default()).await?;
        let ended = |pod: &Pod| status(pod)["state"]["terminated"]["exitCode"] == code;
        let ended = wait_for(&pods, name, "its end", PATIENCE, ended).await?;
        same(is_ready(&ended), false)?;
        release(&pods, name).await?;
        wait_gone(&pods, name, PATIENCE).await?;
    }
    Ok(())
}

pub async fn may_come_to_have_less_grace(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "less-grace").await?;
    let pods: Api<Pod> = namespace.api()?;
    trapped(bench, &namespace, "target", 3600, "").await?;
    pods.delete("target", &DeleteParams::default()).await?;
    event(&namespace, "target", "Killing").await?;
    pods.delete("target", &DeleteParams::default().grace_period(1))
        .await?;
    let killed = |pod: &Pod| status(pod)["state"]["terminated"]["exitCode"] == 137;
    wait_for(&pods, "target", "its end", PATIENCE, killed).await?;
    release(&pods, "target").await?;
    wait_gone(&pods, "target", PATIENCE).await
}

/// A Pod that does no more at SIGTERM than this command. A finalizer keeps its last words.
async fn trapped(
    bench: &Bench,
    namespace: &Namespace,
    name: &str,
    grace: u32,
    command: &str,
) -> Result<Pod> {
    let more = json!({ "terminationGracePeriodSeconds": grace });
    let container = shell(&format!(
        "trap '{command}' TERM; echo trapped; while :; do sleep 0.1; done"
    ));
    let mut pod = pod(namespace, name, more, container);
    pod["metadata"]["finalizers"] = json!(["suite.example/read"]);
    apply(bench, pod).await?;
    let runs = |pod: &Pod| status(pod)["state"]["running"].is_object();
    let running = wait_for(&namespace.api()?, name, "it to run", PATIENCE, runs).await?;
    let trapped = || async {
        let log = bench.node().log(&running);
        log.is_ok_and(|log| log.contains("trapped"))
    };
    until("the shell to be ready for SIGTERM", PATIENCE, trapped).await?;
    Ok(running)
}

async fn release(pods: &Api<Pod>, name: &str) -> Result<()> {
    let release = json!({ "metadata": { "finalizers": null } });
    let params = PatchParams::default();
    pods.patch(name, &params, &Patch::Merge(release)).await?;
    Ok(())
}
