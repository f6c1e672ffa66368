//! The life of routes and backends, seen in real requests through gateways.

use crate::stage::{
    Stage,
    http::{answers, origin},
    objects::message,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_made_edited_and_deleted() -> Result<()> {
    let stage = Stage::new("life").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    let (blue, green) = (origin("blue").await?, origin("green").await?);
    stage.backend("blue", blue).await?;
    stage.backend("green", green).await?;
    stage.route("paint", "/paint", "blue").await?;

    answers(&gateway, "/paint/it", 200, "blue GET /paint/it").await?;
    let route: APIRoute = stage.ready("paint").await?;
    assert_eq!(
        message(&route, "Ready"),
        "Route successfully applied to 1 gateway"
    );
    let backend: Backend = stage.ready("blue").await?;
    assert_eq!(
        message(&backend, "Ready"),
        "Backend successfully applied to 1 gateway"
    );

    let to =
        |host| json!({ "spec": { "route": [{ "destination": { "host": host, "port": 80 } }] } });
    stage.patch::<APIRoute>("paint", to("green")).await?;
    answers(&gateway, "/paint", 200, "green GET /paint").await?;
    stage.ready::<APIRoute>("paint").await?;

    stage.delete::<APIRoute>("paint").await?;
    answers(&gateway, "/paint", 404, "").await?;
    stage.gone::<APIRoute>("paint").await?;
    // The last ones go, too.
    stage.delete::<Backend>("blue").await?;
    stage.delete::<Backend>("green").await?;
    let nothing = |state: &gateway::State| state.tracked == 0;
    gateway
        .wait_for("it has nothing", crate::stage::PATIENCE, nothing)
        .await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}
