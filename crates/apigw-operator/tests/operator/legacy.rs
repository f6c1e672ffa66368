//! What earlier operators and their users left behind: finalizers, and manifests that leave out every weight.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::Managed,
};
use gateway::Gateway;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::stage::{
    PATIENCE, Stage,
    http::{answers, get, origin},
};

impl Stage {
    /// Applies a manifest as it is written, without what our types would add to it.
    async fn manifest<K: Managed>(&self, name: &str, metadata: Value, spec: Value) -> Result<K> {
        let mut manifest = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata, "spec": spec,
        });
        manifest["metadata"]["name"] = json!(name);
        let params = PatchParams::apply("somebody").validation_strict();
        let api = self.api_of::<K>();
        Ok(api.patch(name, &params, &Patch::Apply(manifest)).await?)
    }

    /// A backend and a route to it, both with the finalizers of an earlier operator.
    async fn left_behind(&self, backend: Value) -> Result<()> {
        let held = |finalizer| json!({ "finalizers": [finalizer] });
        let spec = json!({ "hosts": [backend] });
        let backend: Backend = self
            .manifest("web", held("backend.avapigw.io/finalizer"), spec)
            .await?;
        let spec = json!({
            "match": [{ "uri": { "prefix": "/api" } }],
            "route": [{ "destination": { "host": "web", "port": 80 } }],
        });
        let route: APIRoute = self
            .manifest("api", held("apiroute.avapigw.io/finalizer"), spec)
            .await?;
        ensure!(backend.finalizers().len() == 1 && route.finalizers().len() == 1);
        Ok(())
    }
}

async fn has_nothing(gateway: &Gateway) -> Result<()> {
    let nothing = |state: &gateway::State| state.tracked == 0;
    gateway
        .wait_for("it has nothing", PATIENCE, nothing)
        .await?;
    answers(gateway, "/api", 404, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_finalizer_holds_nobody_back() -> Result<()> {
    let stage = Stage::new("legacy").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let web = origin("web").await?;
    let host = json!({ "address": web.ip(), "port": web.port() });
    stage.left_behind(host.clone()).await?;
    stage.ready::<Backend>("web").await?;
    // It stays as long as the object does: nothing is written without need.
    let route: APIRoute = stage.ready("api").await?;
    assert_eq!(route.finalizers(), ["apiroute.avapigw.io/finalizer"]);
    answers(&gateway, "/api", 200, "web GET /api").await?;
    stage.delete::<APIRoute>("api").await?;
    stage.gone::<APIRoute>("api").await?;
    answers(&gateway, "/api", 404, "").await?;
    stage.delete::<Backend>("web").await?;
    stage.gone::<Backend>("web").await?;
    has_nothing(&gateway).await?;

    // Deleted while no operator ran.
    stage.left_behind(host).await?;
    stage.ready::<APIRoute>("api").await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    operator.stop().await?;
    stage.delete::<APIRoute>("api").await?;
    stage.delete::<Backend>("web").await?;
    let operator = stage.operator()?;
    stage.gone::<APIRoute>("api").await?;
    stage.gone::<Backend>("web").await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

/// How often each origin answered a hundred requests.
async fn shares(gateway: &Gateway, path: &str) -> Result<BTreeMap<String, usize>> {
    let mut shares = BTreeMap::new();
    for _ in 0..100 {
        let (status, body) = get(gateway, path).await?;
        ensure!(status == 200, "{status} {body}");
        let who = body.split(' ').next().unwrap_or_default().to_owned();
        *shares.entry(who).or_default() += 1;
    }
    Ok(shares)
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_without_weights_share_requests_evenly() -> Result<()> {
    let stage = Stage::new("weights").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let (blue, green) = (origin("blue").await?, origin("green").await?);
    let host = |it: std::net::SocketAddr| json!({ "address": it.ip(), "port": it.port() });
    for (name, hosts) in [
        ("blue", vec![host(blue)]),
        ("green", vec![host(green)]),
        ("both", vec![host(blue), host(green)]),
    ] {
        let spec = json!({ "hosts": hosts });
        stage.manifest::<Backend>(name, json!({}), spec).await?;
    }
    for (name, backends) in [("split", vec!["blue", "green"]), ("hosts", vec!["both"])] {
        let to = |host: &&str| json!({ "destination": { "host": host, "port": 80 } });
        let destinations: Vec<_> = backends.iter().map(to).collect();
        let spec = json!({
            "match": [{ "uri": { "prefix": format!("/{name}") } }],
            "route": destinations,
        });
        stage.manifest::<APIRoute>(name, json!({}), spec).await?;
    }
    for name in ["blue", "green", "both"] {
        stage.ready::<Backend>(name).await?;
    }
    // All of them: a gateway begins its turns anew with each update.
    for name in ["split", "hosts"] {
        stage.ready::<APIRoute>(name).await?;
    }
    let even = BTreeMap::from([("blue".to_owned(), 50), ("green".to_owned(), 50)]);
    for name in ["split", "hosts"] {
        assert_eq!(shares(&gateway, &format!("/{name}")).await?, even, "{name}");
    }
    operator.stop().await?;
    assert_eq!(gateway.state().counts.refused, 0);
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}
