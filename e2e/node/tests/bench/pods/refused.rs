//! What the node does not do.

use anyhow::{Result, ensure};
use harness::wait::{PATIENCE, wait_gone};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};
use node::Bench;
use serde_json::json;

use crate::stage::{apply, event, merge, pod, restricted, same, unrestricted, waits};

pub async fn fields_by_name(bench: &Bench) -> Result<()> {
    let namespace = unrestricted(bench, "unsupported").await?;
    let pods: Api<Pod> = namespace.api()?;
    let mount = |more| {
        let mut mount = json!({ "name": "scratch", "mountPath": "/scratch" });
        merge(&mut mount, more);
        json!({ "volumeMounts": [mount] })
    };
    for (name, container, refused) in [
        (
            "below",
            mount(json!({ "subPath": "below" })),
            "spec.containers[0].volumeMounts[0].subPath is not supported by this node",
        ),
        (
            "machine",
            mount(json!({ "mountPath": "/usr/share/of-a-pod" })),
            "spec.containers[0].volumeMounts[0].mountPath is /usr/share/of-a-pod; this node supports",
        ),
        (
            "root",
            json!({ "securityContext": { "runAsUser": 0, "runAsNonRoot": false } }),
            "spec.containers[0].securityContext.runAsUser is 0; this node supports",
        ),
    ] {
        let more = json!({ "volumes": [{ "name": "scratch", "emptyDir": {} }] });
        apply(bench, pod(&namespace, name, more, container)).await?;
        let message = waits(&namespace, name, "Unsupported").await?;
        ensure!(message.starts_with(refused), "{message}");
        same(event(&namespace, name, "Unsupported").await?, message)?;
        // It is in nobody's way.
        pods.delete(name, &DeleteParams::default()).await?;
        wait_gone(&pods, name, PATIENCE).await?;
    }
    Ok(())
}

pub async fn images_by_name(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "image").await?;
    let container = json!({ "image": "registry.example/other:1" });
    apply(bench, pod(&namespace, "target", json!({}), container)).await?;
    let message = waits(&namespace, "target", "ErrImagePull").await?;
    ensure!(
        message.contains("registry.example/other:1") && message.contains("suite/target"),
        "{message}"
    );
    Ok(())
}
