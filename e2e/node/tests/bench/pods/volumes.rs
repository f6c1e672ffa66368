//! Volumes, and what a Pod refers to otherwise.

use anyhow::Result;
use harness::wait::{PATIENCE, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use node::Bench;
use serde_json::{Value, json};

use crate::stage::{
    apply, ask, container as status, is_ready, pod, ready, restricted, same, says, waits,
};

pub async fn follow_what_changes(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "volumes").await?;
    let settings = |data: Value| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "settings", "namespace": namespace.name() }, "data": data,
        })
    };
    apply(bench, settings(json!({ "a": "1", "b": "1" }))).await?;
    let more = json!({ "volumes": [
        { "name": "settings", "configMap": { "name": "settings" } },
        { "name": "later", "secret": { "secretName": "later", "optional": true } },
    ] });
    let container = json!({ "volumeMounts": [
        { "name": "settings", "mountPath": "/settings" }, { "name": "later", "mountPath": "/later" },
    ] });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", more, container),
    )
    .await?;
    same(
        ask(&pod, "/list/settings").await?.as_str(),
        "..1\n..data\na\nb",
    )?;
    same(ask(&pod, "/list/later").await?.as_str(), "..1\n..data")?;

    apply(bench, settings(json!({ "a": "2", "c": "2" }))).await?;
    says(&pod, "/list/settings", "..2\n..data\na\nc").await?;
    same(ask(&pod, "/read/settings/a").await?.as_str(), "2")?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "later", "namespace": namespace.name() }, "stringData": { "key": "now" },
        }),
    )
    .await?;
    says(&pod, "/read/later/key", "now").await?;
    let pods: Api<Pod> = namespace.api()?;
    same(
        status(&pods.get("target").await?)["restartCount"].clone(),
        json!(0),
    )
}

pub async fn wait_for_what_is_missing(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "missing").await?;
    let container = json!({ "envFrom": [{ "configMapRef": { "name": "late" } }] });
    apply(bench, pod(&namespace, "target", json!({}), container)).await?;
    let message = waits(&namespace, "target", "CreateContainerConfigError").await?;
    same(message.as_str(), "ConfigMap \"late\" does not exist")?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "late", "namespace": namespace.name() }, "data": { "A": "1" },
        }),
    )
    .await?;
    let pods: Api<Pod> = namespace.api()?;
    wait_for(&pods, "target", "the Pod to be ready", PATIENCE, is_ready).await?;
    Ok(())
}
