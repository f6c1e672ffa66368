//! The section `gateways` of `/debug/state`.

use std::time::Duration;

use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Behaviour, Refusal, Stuck};
use serde_json::{Value, json};

use crate::{
    observed::page::Shown,
    stage::{Stage, http::origin},
};

fn of<'a>(gateways: &'a Value, name: &str) -> &'a Value {
    let all = gateways["gateways"].as_array().into_iter().flatten();
    let named = |it: &&Value| it["gateway"].as_str().is_some_and(|id| id.contains(name));
    all.into_iter().find(named).unwrap_or(&Value::Null)
}

fn in_step(gateways: &Value, name: &str) -> bool {
    let gateway = of(gateways, name);
    gateway["connected"] == true
        && gateway["inStep"] == true
        && gateway["version"] == gateways["wanted"]
        && gateway["lagSeconds"] == 0.0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_shows_what_each_gateway_has_and_how_far_it_lags() -> Result<()> {
    let stage = Stage::new("state").await?;
    let shown = Shown::on(&stage)?;
    let _well = stage.gateway("well").await?;
    let stuck = stage.gateway("stuck").await?;
    stage.backend("blue", origin("blue").await?).await?;
    stage.route("paint", "/one", "blue").await?;
    stage.ready::<APIRoute>("paint").await?;
    stage.ready::<Backend>("blue").await?;
    let both = |state: &Value| in_step(state, "well") && in_step(state, "stuck");
    let state = shown.gateways(both).await?;
    let earlier = state["wanted"].clone();

    stuck.set(Behaviour {
        stuck: Some(Stuck::Reading),
        ..Behaviour::default()
    });
    let moved = json!({ "spec": { "match": [{ "uri": { "prefix": "/two" } }] } });
    stage.patch::<APIRoute>("paint", moved).await?;
    // It lags from when it is to be sent the edit, and has not answered from when it was.
    let one = |state: &Value| {
        in_step(state, "well") && of(state, "stuck")["unansweredSeconds"].is_number()
    };
    shown.gateways(one).await?;
    shown.operator.clock.advance(Duration::from_secs(40));
    let late = |state: &Value| of(state, "stuck")["lagSeconds"].as_f64() >= Some(40.0);
    let state = shown.gateways(late).await?;
    let behind = of(&state, "stuck");
    assert_eq!(behind["version"], earlier, "{state:#}");
    assert_eq!(behind["inStep"], false, "{state:#}");
    assert!(behind["unansweredSeconds"].as_f64() >= Some(40.0));
    stuck.set(Behaviour::default());
    shown.gateways(both).await?;

    stuck.set(Behaviour {
        refuses: Some(Refusal::of_name("bad").because("no such colour")),
        ..Behaviour::default()
    });
    stage.backend("bad", origin("bad").await?).await?;
    stage.unready::<Backend>("bad", "RefusedByGateway").await?;
    let state = shown.gateways(both).await?;
    let words = of(&state, "stuck")["lastRefusal"].as_str();
    assert!(
        words.is_some_and(|it| it.contains("no such colour")),
        "{state:#}"
    );
    assert!(of(&state, "well").get("lastRefusal").is_none(), "{state:#}");
    shown.operator.stop().await
}
