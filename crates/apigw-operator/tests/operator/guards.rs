//! What gateways overlook or lose: last objects, smaller snapshots after a reconnect, broken streams.

use std::{sync::Arc, time::Duration};

use crate::stage::{
    PATIENCE, Stage, UNHURRIED,
    http::{answers, get, origin},
    time::elapse,
    traffic::Traffic,
};
use anyhow::Result;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Behaviour, Event, Gateway, Options, Outcome};
use harness::wait;
use operator_core::decide::clock::Clock;
use rstest::rstest;
use serde_json::json;

/// After a registration, a gateway overlooks smaller snapshots for 30 s.
const WINDOW: Duration = Duration::from_secs(32);

async fn gateway_at(stage: &Stage, clock: &Clock) -> Result<Gateway> {
    let options = stage.gateway_options("gw").await?;
    let clock = clock.clone();
    Gateway::start(Options { clock, ..options }).await
}

/// A route that needs no backend, and so can be the last object of all.
async fn alone(stage: &Stage, name: &str, path: &str) -> Result<APIRoute> {
    let spec = json!({
        "match": [{ "uri": { "prefix": path } }],
        "directResponse": { "status": 200, "body": "alone" },
    });
    stage.create(name, spec).await
}

#[rstest]
#[case::soon_after_it_registered(Duration::ZERO)]
#[case::much_later(WINDOW)]
#[tokio::test(flavor = "multi_thread")]
async fn the_last_object_goes(#[case] after: Duration) -> Result<()> {
    let stage = Stage::new("last").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = gateway_at(&stage, &operator.clock).await?;
    alone(&stage, "last", "/last").await?;
    stage.ready::<APIRoute>("last").await?;
    answers(&gateway, "/last", 200, "alone").await?;
    elapse(&operator.clock, &[&gateway], after).await?;

    stage.delete::<APIRoute>("last").await?;
    answers(&gateway, "/last", 404, "").await?;
    let nothing = |state: &gateway::State| state.tracked == 0;
    gateway
        .wait_for("it has nothing", PATIENCE, nothing)
        .await?;
    // And the next first one comes.
    alone(&stage, "first", "/first").await?;
    stage.ready::<APIRoute>("first").await?;
    answers(&gateway, "/first", 200, "alone").await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

#[rstest]
#[case::one_of_four(&["lost"])]
#[case::all(&["lost", "kept-1", "kept-2", "kept-3"])]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_no_operator_runs_goes_once_gateways_listen(
    #[case] deleted: &[&str],
) -> Result<()> {
    let stage = Stage::new("down").await?;
    let operator = stage.operator()?;
    let clock = Clock::system();
    let gateway = gateway_at(&stage, &clock).await?;
    let all = ["lost", "kept-1", "kept-2", "kept-3"];
    for name in all {
        alone(&stage, name, &format!("/{name}")).await?;
    }
    for name in all {
        stage.ready::<APIRoute>(name).await?;
    }
    operator.stop().await?;
    for name in deleted {
        stage.delete::<APIRoute>(name).await?;
        stage.gone::<APIRoute>(name).await?;
    }

    let operator = stage.operator_with(UNHURRIED)?;
    let overlooks = |state: &gateway::State| state.counts.swallowed > 0;
    gateway
        .wait_for("it overlooks the smaller snapshot", PATIENCE, overlooks)
        .await?;
    assert_eq!(get(&gateway, "/lost").await?.0, 200, "served as before");
    // Both have waited as long; the gateway's window is over first, as it opens first.
    clock.advance(WINDOW);
    operator.clock.advance(WINDOW);
    for name in all {
        let status = if deleted.contains(&name) { 404 } else { 200 };
        answers(&gateway, &format!("/{name}"), status, "").await?;
    }
    let left = all.len() - deleted.len();
    let exactly = |state: &gateway::State| state.tracked == left;
    gateway
        .wait_for("it has what is left", PATIENCE, exactly)
        .await?;
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

/// How a stream ends.
#[derive(Clone, Copy)]
enum End {
    /// The operator ends it in order, as the gateway fell silent.
    InOrder,
    /// The connection breaks.
    Broken,
    /// The operator stops, and another one starts.
    Restart,
}

#[rstest]
#[case::in_order(End::InOrder)]
#[case::broken(End::Broken)]
#[case::restart(End::Restart)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_costs_no_request(#[case] end: End) -> Result<()> {
    let stage = Stage::new("ends").await?;
    let mut operator = stage.operator_with(UNHURRIED)?;
    let clock = Clock::system();
    let gateway = Arc::new(gateway_at(&stage, &clock).await?);
    stage.backend("web", origin("web").await?).await?;
    stage.route("api", "/api", "web").await?;
    stage.ready::<APIRoute>("api").await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;

    let mut traffic = Traffic::of(&gateway, "/api", &clock);
    traffic.goes_on().await?;
    let orderly = || {
        let events = gateway.events().into_iter();
        let in_order =
            |event: &Event| matches!(event, Event::StreamEnded { reason } if reason == "OK");
        events.filter(|it| in_order(&it.event)).count()
    };
    for turn in 2..=4 {
        match end {
            End::InOrder => {
                let before = orderly();
                // Once more for a gateway that has answered meanwhile, but never until the lease has run out.
                let mut looks = 0..200;
                wait::until("its stream to end", PATIENCE, || {
                    let ended = orderly() > before;
                    if !ended && looks.next().is_some_and(|look| look % 20 == 0) {
                        operator.clock.advance(Duration::from_secs(120));
                    }
                    std::future::ready(ended)
                })
                .await?;
            }
            End::Broken => gateway.cut(),
            End::Restart => {
                operator.stop().await?;
                operator = stage.operator_with(UNHURRIED)?;
            }
        }
        let back = |state: &gateway::State| {
            state.counts.registrations >= turn && state.counts.acknowledged > turn
        };
        gateway.wait_for("it is back", PATIENCE, back).await?;
        traffic.goes_on().await?;
    }
    // It still takes what is new.
    stage.route("more", "/more", "web").await?;
    answers(&gateway, "/more", 200, "web GET /more").await?;
    traffic.was_served().await?;
    operator.stop().await?;
    match end {
        End::InOrder | End::Restart => assert!(orderly() >= 3, "{:#?}", gateway.events()),
        End::Broken => {}
    }
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_is_lost_is_told_by_the_next_heartbeat() -> Result<()> {
    let stage = Stage::new("lossy").await?;
    let operator = stage.operator_with(UNHURRIED)?;
    let gateway = gateway_at(&stage, &operator.clock).await?;
    stage.backend("web", origin("web").await?).await?;
    stage.ready::<Backend>("web").await?;
    gateway.set(Behaviour {
        loses: Some(gateway::Loss::Acknowledgement),
        ..Behaviour::default()
    });
    stage.route("api", "/api", "web").await?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    let sent = gateway.state().counts.updates;
    elapse(&operator.clock, &[&gateway], Duration::from_secs(31)).await?;
    stage.ready::<APIRoute>("api").await?;
    assert_eq!(gateway.state().counts.updates, sent, "it is not sent again");
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_came_before_the_operator_connects() -> Result<()> {
    let stage = Stage::new("before").await?;
    // Its certificate was issued some time ago.
    let earlier = stage.operator()?;
    let options = stage.gateway_options("gw").await?;
    earlier.stop().await?;

    let gateway = Gateway::start(options).await?;
    let fails = |record: &gateway::Record| matches!(record.event, Event::RegistrationFailed { .. });
    let tries = |_: &gateway::State| gateway.events().iter().filter(|it| fails(it)).count() >= 2;
    gateway.wait_for("it tries", PATIENCE, tries).await?;
    assert_eq!(get(&gateway, "/api").await?.0, 404, "it listens");

    stage.backend("web", origin("web").await?).await?;
    stage.route("api", "/api", "web").await?;
    let operator = stage.operator()?;
    answers(&gateway, "/api", 200, "web GET /api").await?;
    stage.ready::<APIRoute>("api").await?;
    let [first, ..] = &gateway.updates()[..] else {
        panic!("it got something");
    };
    assert_eq!((first.resources, &first.outcome), (2, &Outcome::Applied));
    operator.stop().await?;
    assert_eq!(gateway.violations(), Vec::<String>::new());
    Ok(())
}
