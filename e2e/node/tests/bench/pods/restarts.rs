//! Containers that end by themselves, and what follows.

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use node::Bench;
use serde_json::json;

use crate::stage::{apply, container as status, pod, restricted, same, shell, unready};

pub async fn come_after_a_pause(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "crash").await?;
    apply(
        bench,
        pod(
            &namespace,
            "target",
            json!({}),
            shell("echo the disk is on fire; exit 3"),
        ),
    )
    .await?;
    let pods: Api<Pod> = namespace.api()?;
    let waits = |pod: &Pod| status(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let waiting = wait_for(&pods, "target", "it to wait", PATIENCE, waits).await?;
    let last = status(&waiting)["lastState"]["terminated"].clone();
    same(
        (&last["exitCode"], &last["reason"]),
        (&json!(3), &json!("Error")),
    )?;
    ensure!(
        last["message"].to_string().contains("the disk is on fire"),
        "{last}"
    );
    let restarts = status(&waiting)["restartCount"]
        .as_i64()
        .context("a count")?;
    let again = |pod: &Pod| status(pod)["restartCount"].as_i64() > Some(restarts);
    wait_for(&pods, "target", "one more start", PATIENCE, again).await?;
    Ok(())
}

pub async fn end_where_none_is_asked_for(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "once").await?;
    let pods: Api<Pod> = namespace.api()?;
    for (name, policy, script, phase, why) in [
        ("well", "OnFailure", "exit 0", "Succeeded", "PodCompleted"),
        ("ill", "Never", "exit 1", "Failed", "PodFailed"),
    ] {
        let spec = json!({ "restartPolicy": policy });
        apply(bench, pod(&namespace, name, spec, shell(script))).await?;
        let ended =
            |pod: &Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some(phase);
        let pod = wait_for(&pods, name, "it to end", PATIENCE, ended).await?;
        same(unready(&pod), Some(why))?;
        same(status(&pod)["restartCount"].clone(), json!(0))?;
    }
    Ok(())
}
