//! Many gateways, and many routes.

use std::time::Duration;

use anyhow::Result;
use crd_types::apigw::v1alpha1::APIRoute;
use futures::{StreamExt, TryStreamExt, stream};
use gateway::{Gateway, Options, State};
use harness::wait;
use serde_json::json;

use crate::stage::{Stage, UNHURRIED, objects::message};

const GATEWAYS: usize = 200;
const ROUTES: usize = 1_000;
/// Every gateway decodes every route, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_routes_reach_two_hundred_gateways() -> Result<()> {
    let stage = Stage::new("many").await?;
    let names: Vec<_> = (0..ROUTES).map(|number| format!("r{number}")).collect();
    let create = async |name: &String| stage.route(name, &format!("/{name}"), "nowhere").await;
    let routes = stream::iter(&names).map(create);
    let routes: Vec<APIRoute> = routes.buffer_unordered(16).try_collect().await?;
    assert_eq!(routes.len(), ROUTES);

    // Gateways leave it little time to renew its lease.
    let operator = stage.operator_with(UNHURRIED)?;
    let options = stage.gateway_options("gw").await?;
    let start = |number| {
        let options = Options {
            pod: format!("gw-{number}"),
            listen: None,
            ..options.clone()
        };
        Gateway::start(options)
    };
    let gateways: Vec<Gateway> = stream::iter(0..GATEWAYS).then(start).try_collect().await?;
    for gateway in &gateways {
        let whole = |state: &State| state.routes == ROUTES;
        gateway.wait_for("every route", PATIENCE, whole).await?;
    }

    stage
        .patch::<APIRoute>("r7", json!({ "spec": { "timeout": "7s" } }))
        .await?;
    let everywhere = format!("Route successfully applied to {GATEWAYS} gateways");
    let route = wait::wait_for(
        &stage.api_of(),
        "r7",
        "it is everywhere",
        PATIENCE,
        |route: &APIRoute| {
            route.metadata.generation == Some(2) && message(route, "Ready") == everywhere
        },
    )
    .await?;
    let listed = route.status.unwrap_or_default().gateways;
    assert_eq!(listed.applied_gateway_count, Some(200));
    assert_eq!(
        listed.applied_gateways.len(),
        1,
        "replicas of one gateway are one"
    );
    for gateway in &gateways {
        assert_eq!(gateway.violations(), Vec::<String>::new());
        assert_eq!(gateway.state().counts.refused, 0);
    }
    operator.stop().await
}
