//! Clusters that have one of the definitions, and get the other one later.

use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend, crds};
use harness::{ControlPlane, proxy::kubernetes::is_list, wait};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::json;

use crate::stage::{
    PATIENCE, Stage,
    http::{answers, origin},
};

/// The definition of a kind.
fn definition(kind: &str) -> CustomResourceDefinition {
    let mut all = crds().into_iter();
    all.find(|definition| definition.spec.names.kind == kind)
        .expect("a kind of the group")
}

/// The definition where a newer version has taken the place of ours.
fn moved_on(kind: &str) -> CustomResourceDefinition {
    let mut definition = definition(kind);
    let versions = &mut definition.spec.versions;
    let mut newer = versions[0].clone();
    newer.name = "v1".to_owned();
    newer.storage = false;
    versions[0].served = false;
    versions.push(newer);
    definition
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_served_before_backends_are_installed() -> Result<()> {
    let own = ControlPlane::start().await?;
    own.install_crds([definition("APIRoute")]).await?;
    let stage = Stage::as_it_is(&own, "routes").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let (straight, blue) = (origin("straight").await?, origin("blue").await?);
    let destination = json!({ "host": straight.ip(), "port": straight.port() });
    let spec = json!({
        "match": [{ "uri": { "prefix": "/straight" } }],
        "route": [{ "destination": destination }],
    });
    stage.create::<APIRoute>("straight", spec).await?;
    answers(&gateway, "/straight", 200, "straight GET /straight").await?;
    stage.ready::<APIRoute>("straight").await?;

    own.install_crds([definition("Backend")]).await?;
    stage.backend("blue", blue).await?;
    stage.route("paint", "/paint", "blue").await?;
    answers(&gateway, "/paint", 200, "blue GET /paint").await?;
    stage.ready::<Backend>("blue").await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    own.stop().await;
    Ok(())
}

/// Objects that are only to be had in a version that this operator does not know are objects all the same.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_is_lost_to_a_version_that_is_not_served() -> Result<()> {
    let own = ControlPlane::start().await?;
    let stage = Stage::on(&own, "moved").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    stage.backend("blue", origin("blue").await?).await?;
    stage.route("paint", "/paint", "blue").await?;
    answers(&gateway, "/paint", 200, "blue GET /paint").await?;
    stage.ready::<APIRoute>("paint").await?;

    let asked = || {
        let requests = stage.api.proxy().requests();
        let lists = requests
            .iter()
            .filter(|it| is_list(&it.call) && it.call.about == "apiroutes");
        lists.count()
    };
    let asks_in_vain = async |times| {
        let before = asked();
        let often = async || asked() >= before + times;
        wait::until("the operator to look for routes", PATIENCE, often).await?;
        let (status, _) = crate::stage::http::get(&gateway, "/paint").await?;
        anyhow::ensure!(status == 200, "{status}");
        Ok(())
    };
    // The watch ends with the version.
    own.install_crds([moved_on("APIRoute")]).await?;
    asks_in_vain(2).await?;
    operator.stop().await?;
    let operator = stage.operator()?;
    // More often than it takes to be certain that a kind has no objects.
    asks_in_vain(6).await?;

    own.install_crds([definition("APIRoute")]).await?;
    let moved = json!({ "spec": { "match": [{ "uri": { "prefix": "/moved" } }] } });
    stage.patch::<APIRoute>("paint", moved).await?;
    answers(&gateway, "/moved", 200, "blue GET /moved").await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    own.stop().await;
    Ok(())
}
