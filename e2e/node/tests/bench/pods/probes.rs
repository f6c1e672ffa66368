//! Probes, and what they decide.

use anyhow::{Result, ensure};
use harness::wait::{PATIENCE, until, wait_for};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use node::Bench;
use serde_json::json;

use crate::stage::{
    apply, ask, container as status, event, is_ready, patient_probe, pod, probe, ready, restricted,
    same, says, unready,
};

pub async fn liveness_starts_it_again(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "liveness").await?;
    // It is not asked before it listens.
    let container =
        json!({ "startupProbe": patient_probe("/startz"), "livenessProbe": probe("/livez") });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), container),
    )
    .await?;
    let first = status(&pod)["containerID"].clone();
    ask(&pod, "/set/live/false").await?;
    let again = |pod: &Pod| status(pod)["restartCount"] == 1 && is_ready(pod);
    let pod = wait_for(
        &namespace.api()?,
        "target",
        "it to run again",
        PATIENCE,
        again,
    )
    .await?;
    let now = status(&pod);
    ensure!(now["containerID"] != first, "{now}");
    // The target does not know of SIGTERM.
    same(
        now["lastState"]["terminated"]["exitCode"].clone(),
        json!(143),
    )?;
    let note = event(&namespace, "target", "Unhealthy").await?;
    ensure!(
        note.contains("Liveness probe failed") && note.contains("status 500"),
        "{note}"
    );
    Ok(())
}

pub async fn startup_comes_before_the_others(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "startup").await?;
    let container = json!({
        "startupProbe": patient_probe("/startz"), "livenessProbe": probe("/livez"),
        "env": [{ "name": "SLOW", "value": "1" }],
    });
    apply(bench, pod(&namespace, "target", json!({}), container)).await?;
    let pods: Api<Pod> = namespace.api()?;
    let runs = |pod: &Pod| status(pod)["state"]["running"].is_object();
    let pod = wait_for(&pods, "target", "it to run", PATIENCE, runs).await?;
    same(status(&pod)["started"].clone(), json!(false))?;
    same(is_ready(&pod), false)?;
    asked(&pod, "startz", 2).await?;
    for other in ["/asked/livez", "/asked/readyz"] {
        same((other, ask(&pod, other).await?.as_str()), (other, "0"))?;
    }
    says(&pod, "/set/up/true", "").await?;
    wait_for(&pods, "target", "the Pod to be ready", PATIENCE, is_ready).await?;

    // It is over then: another answer would end the container.
    let asked_before = ask(&pod, "/asked/startz").await?;
    let readings: u32 = ask(&pod, "/asked/readyz").await?.parse()?;
    asked(&pod, "readyz", readings + 3).await?;
    same(ask(&pod, "/asked/startz").await?, asked_before)
}

/// Waits until the target was asked this so often.
async fn asked(pod: &Pod, what: &str, times: u32) -> Result<()> {
    let often = || async {
        let said = ask(pod, &format!("/asked/{what}")).await;
        let said = said.map_err(|e| e.to_string())?;
        match said.parse::<u32>().is_ok_and(|asked| asked >= times) {
            true => Ok(()),
            false => Err(said),
        }
    };
    until(
        &format!("{what} to be asked {times} times"),
        PATIENCE,
        often,
    )
    .await
}

pub async fn readiness_decides_about_endpoints(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "readiness").await?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "target", "namespace": namespace.name() },
            "spec": { "selector": { "app": "target" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        }),
    )
    .await?;
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), json!({})),
    )
    .await?;
    let slices: Api<EndpointSlice> = namespace.api()?;
    let endpoint = async |expected: bool| {
        let seen = || async {
            let found = slices
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            let mut endpoints = found.items.iter().flat_map(|slice| &slice.endpoints);
            let is = endpoints
                .any(|it| it.conditions.as_ref().and_then(|it| it.ready) == Some(expected));
            if is {
                Ok(())
            } else {
                Err(format!("{:?}", found.items))
            }
        };
        until(
            &format!("an endpoint with ready: {expected}"),
            PATIENCE,
            seen,
        )
        .await
    };
    endpoint(true).await?;
    // Other Pods find it by its name.
    let host = format!("target.{}.svc ", namespace.name());
    let named = async |expected: bool| {
        let seen = || async {
            let hosts = ask(&pod, "/read/etc/hosts")
                .await
                .map_err(|e| e.to_string())?;
            if hosts.contains(&host) == expected {
                Ok(())
            } else {
                Err(hosts)
            }
        };
        until("the hosts file to follow", PATIENCE, seen).await
    };
    named(true).await?;
    ask(&pod, "/set/ready/false").await?;
    endpoint(false).await?;
    named(false).await?;
    ask(&pod, "/set/ready/true").await?;
    endpoint(true).await?;
    let pods: Api<Pod> = namespace.api()?;
    let pod = pods.get("target").await?;
    same((is_ready(&pod), unready(&pod)), (true, None))?;
    same(status(&pod)["restartCount"].clone(), json!(0))
}
