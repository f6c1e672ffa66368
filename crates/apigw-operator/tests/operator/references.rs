//! What routes refer to: Backends, Services, and documents in ConfigMaps.

use crate::stage::{
    PATIENCE, Stage,
    objects::{lifecycle, message},
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::APIRoute;
use gateway::{Gateway, Kind};
use harness::wait;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

async fn says_of_references(stage: &Stage, name: &str, status: &str) -> Result<APIRoute> {
    let what = format!("ResolvedRefs={status}");
    wait::wait_for(
        &stage.api_of(),
        name,
        &what,
        PATIENCE,
        |route: &APIRoute| {
            let lifecycle = lifecycle(route);
            let references = lifecycle.condition("ResolvedRefs");
            references.is_some_and(|references| references.status == status)
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_destination_is_a_warning_until_it_is_there() -> Result<()> {
    let stage = Stage::new("refs").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    stage.route("r", "/r", "web").await?;
    let route = says_of_references(&stage, "r", "False").await?;
    assert!(message(&route, "ResolvedRefs").contains("web"), "{route:?}");
    stage.ready::<APIRoute>("r").await?;

    let service = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "ports": [{ "port": 80 }] },
    }))?;
    let services = stage.api_of::<Service>();
    services.create(&PostParams::default(), &service).await?;
    says_of_references(&stage, "r", "True").await?;
    services.delete("web", &DeleteParams::default()).await?;
    says_of_references(&stage, "r", "False").await?;
    stage.backend("web", "127.0.0.1:9".parse()?).await?;
    says_of_references(&stage, "r", "True").await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    operator.stop().await
}

pub async fn document(stage: &Stage, title: &str) -> Result<()> {
    let text = json!({
        "openapi": "3.0.0", "info": { "title": title, "version": "1" }, "paths": {},
    });
    let map: ConfigMap = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "doc" },
        "data": { "openapi.json": text.to_string() },
    }))?;
    let params = PatchParams::apply("test").force();
    let maps = stage.api_of::<ConfigMap>();
    maps.patch("doc", &params, &Patch::Apply(&map)).await?;
    Ok(())
}

/// Whether the gateway's route has the document with this title.
fn has(gateway: &Gateway, title: &str) -> bool {
    let routes = gateway.tracked(Kind::ApiRoute);
    let spec = routes.values().next();
    let spec: Option<Value> = spec.and_then(|spec| serde_json::from_slice(spec).ok());
    let inline = spec.map(|spec| spec["openAPIValidation"]["specInline"].clone());
    inline.is_some_and(|text| text.as_str().is_some_and(|text| text.contains(title)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_from_a_config_map_and_follows_it() -> Result<()> {
    let stage = Stage::new("docs").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let spec = json!({
        "match": [{ "uri": { "prefix": "/r" } }],
        "route": [{ "destination": { "host": "127.0.0.1", "port": 9 } }],
        "openAPIValidation": { "enabled": true, "specConfigMapRef": { "name": "doc", "key": "openapi.json" } },
    });
    stage.create::<APIRoute>("r", spec).await?;
    let route: APIRoute = stage.unready("r", "Invalid").await?;
    assert!(
        message(&route, "Ready").contains("/doc"),
        "{}",
        message(&route, "Ready")
    );

    document(&stage, "first").await?;
    stage.ready::<APIRoute>("r").await?;
    gateway
        .wait_for("the document", PATIENCE, |_| has(&gateway, "first"))
        .await?;
    document(&stage, "second").await?;
    gateway
        .wait_for("the other document", PATIENCE, |_| has(&gateway, "second"))
        .await?;

    // Another operator reads it before it sends anything.
    operator.stop().await?;
    let before = gateway.state().counts;
    let operator = stage.operator()?;
    let synced = |state: &gateway::State| state.counts.full_syncs > before.full_syncs;
    let state = gateway
        .wait_for("it is synced anew", PATIENCE, synced)
        .await?;
    assert_eq!(
        (state.tracked, state.counts.swallowed),
        (1, before.swallowed)
    );
    assert!(has(&gateway, "second"));
    assert_eq!(gateway.violations(), Vec::<String>::new());
    operator.stop().await
}
