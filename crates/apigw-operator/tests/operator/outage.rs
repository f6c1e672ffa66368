//! The API server is away, or the operator dies: gateways keep what they have.

use std::{sync::Arc, time::Duration};

use crate::stage::{
    PATIENCE, Stage, UNHURRIED,
    http::{answers, get, origin},
    traffic::Traffic,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Event, Gateway, Options};
use harness::{
    proxy::{Action, Call, Rule, RuleHandle, Verb},
    wait,
};
use operator_core::decide::clock::Clock;
use rstest::rstest;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// Nothing is answered, until the rule is removed.
fn away(stage: &Stage) -> RuleHandle {
    let proxy = stage.api.proxy();
    let rule = proxy.rule(Rule::when(|_| true, Action::DropBefore));
    proxy.cut_watches(|_| true);
    rule
}

async fn four_objects(stage: &Stage) -> Result<()> {
    stage.backend("web", origin("web").await?).await?;
    stage.backend("spare", origin("spare").await?).await?;
    stage.route("api", "/api", "web").await?;
    stage.route("shop", "/shop", "web").await?;
    for name in ["web", "spare"] {
        stage.ready::<Backend>(name).await?;
    }
    for name in ["api", "shop"] {
        stage.ready::<APIRoute>(name).await?;
    }
    Ok(())
}

/// Whatever it was ever sent since held everything.
fn was_always_whole(gateway: &Gateway, after: u64) {
    let updates = gateway.updates();
    for update in updates
        .iter()
        .filter(|it| it.kind == "FULL_SYNC")
        .skip(usize::try_from(after).expect("few"))
    {
        assert_eq!(update.resources, 4, "{updates:#?}");
    }
    assert!(
        updates.iter().all(|update| update.kind == "FULL_SYNC"),
        "{updates:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_keep_serving_and_new_ones_are_served_while_the_api_server_is_away() -> Result<()>
{
    let stage = Stage::new("away").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let clock = Clock::system();
    let options = stage.gateway_options("gw").await?;
    let gateway = Arc::new(
        Gateway::start(Options {
            clock: clock.clone(),
            ..options
        })
        .await?,
    );
    let later = stage.gateway_options("later").await?;
    four_objects(&stage).await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    let before = gateway.state().counts.full_syncs;

    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    let outage = away(&stage);
    operator.clock.advance(10 * SECOND);
    traffic.goes_on().await?;
    wait::until("the operator to miss it", PATIENCE, || async {
        outage.hits() > 2
    })
    .await?;
    gateway.cut();
    let back = |state: &gateway::State| state.counts.full_syncs > before;
    gateway
        .wait_for("it is served again", PATIENCE, back)
        .await?;
    let later = Gateway::start(later).await?;
    answers(&later, "/shop", 200, "web GET /shop").await?;
    traffic.goes_on().await?;
    was_always_whole(&gateway, before);
    was_always_whole(&later, 0);
    assert!(!operator.has_ended());

    let path = json!({ "spec": { "match": [{ "uri": { "prefix": "/mall" } }] } });
    stage.patch::<APIRoute>("shop", path).await?;
    outage.remove();
    wait::until("the edit to come through", PATIENCE, || async {
        operator.clock.advance(SECOND);
        let answer = get(&later, "/mall").await;
        answer.is_ok_and(|answer| answer == (200, "web GET /mall".to_owned()))
    })
    .await?;
    traffic.was_served().await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    assert_eq!(later.violations(), Vec::<String>::new());
    Ok(())
}

#[rstest]
#[case::nothing_of_routes("apiroutes", Action::DropBefore)]
#[case::nothing_of_backends("backends", Action::DropBefore)]
#[case::half_a_list_of_routes("apiroutes", Action::CutBody(600))]
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_operator_takes_no_gateway_before_it_has_seen_everything(
    #[case] unseen: &'static str,
    #[case] action: Action,
) -> Result<()> {
    let stage = Stage::new("unseen").await?;
    let operator = stage.operator()?;
    let gateway = stage.gateway("gw").await?;
    four_objects(&stage).await?;
    answers(&gateway, "/shop", 200, "web GET /shop").await?;
    operator.stop().await?;
    let before = gateway.state().counts;

    let looks = move |call: &Call| call.about == unseen && call.verb != Verb::Write;
    let unseen = stage.api.proxy().rule(Rule::when(looks, action));
    let operator = stage.operator_with(UNHURRIED)?;
    wait::until("gateways are sent away", PATIENCE, || async {
        // A registration waits for some seconds, in the hope of the first plan.
        operator.clock.advance(SECOND);
        let told = |event: &Event| {
            let why = "not every object was seen yet";
            matches!(event, Event::RegistrationFailed { error } if error.contains(why))
        };
        gateway.events().iter().any(|record| told(&record.event))
    })
    .await?;
    assert!(unseen.hits() > 0);
    let now = gateway.state();
    assert_eq!(now.counts.registrations, before.registrations);
    assert_eq!((now.counts.updates, now.tracked), (before.updates, 4));
    for path in ["/api", "/shop"] {
        assert_eq!(get(&gateway, path).await?.0, 200, "served as before");
    }

    unseen.remove();
    wait::until("it to be taken", PATIENCE, || async {
        operator.clock.advance(SECOND);
        gateway.state().counts.full_syncs > before.full_syncs
    })
    .await?;
    was_always_whole(&gateway, before.full_syncs);
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_dies_is_missed_by_nobody() -> Result<()> {
    let stage = Stage::new("dies").await?;
    let operator = stage.operator()?;
    let clock = Clock::system();
    let options = stage.gateway_options("gw").await?;
    let gateway = Arc::new(
        Gateway::start(Options {
            clock: clock.clone(),
            ..options
        })
        .await?,
    );
    four_objects(&stage).await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    traffic.goes_on().await?;

    operator.crash().await;
    gateway.cut();
    let alone = |state: &gateway::State| !state.connected;
    gateway.wait_for("it is alone", PATIENCE, alone).await?;
    traffic.goes_on().await?;
    let path = json!({ "spec": { "match": [{ "uri": { "prefix": "/mall" } }] } });
    stage.patch::<APIRoute>("shop", path).await?;
    stage.delete::<Backend>("spare").await?;

    let operator = stage.operator_with(UNHURRIED)?;
    // What was edited comes at once where nothing went, else once the gateway listens to less.
    wait::until("it to have what there is", PATIENCE, || async {
        clock.advance(SECOND);
        operator.clock.advance(SECOND);
        let mall = get(&gateway, "/mall").await.map(|answer| answer.0).ok();
        match (mall, gateway.backends()) {
            (Some(200), backends) if backends == ["web"] => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    assert_eq!(get(&gateway, "/shop").await?.0, 404);
    traffic.was_served().await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_while_the_api_server_is_away_serves_once_it_is_back() -> Result<()>
{
    let stage = Stage::new("begin").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = stage.gateway("gw").await?;
    four_objects(&stage).await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    let before = gateway.state().counts.full_syncs;
    operator.stop().await?;

    let outage = away(&stage);
    let operator = stage.operator_with(UNHURRIED)?;
    wait::until("it to ask in vain", PATIENCE, || async {
        outage.hits() > 2
    })
    .await?;
    answers(&gateway, "/shop", 200, "web GET /shop").await?;
    assert!(!operator.has_ended(), "it waits");
    assert_eq!(gateway.state().counts.full_syncs, before);

    outage.remove();
    wait::until("it to serve", PATIENCE, || async {
        operator.clock.advance(SECOND);
        gateway.state().counts.full_syncs > before
    })
    .await?;
    was_always_whole(&gateway, before);
    let mall = json!({ "spec": { "match": [{ "uri": { "prefix": "/mall" } }] } });
    stage.patch::<APIRoute>("shop", mall).await?;
    answers(&gateway, "/mall", 200, "web GET /mall").await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}
