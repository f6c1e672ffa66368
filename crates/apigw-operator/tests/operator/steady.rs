//! What is in force costs nothing, and gateways that come, go or hang change no more than they must.

use std::{sync::Arc, time::Duration};

use crate::stage::{
    PATIENCE, Running, Stage, UNHURRIED,
    http::{answers, origin},
    objects::{lifecycle, message},
    time::elapse,
};
use anyhow::Result;
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::Managed,
};
use gateway::{Behaviour, Gateway, Options, Stuck};
use harness::{
    proxy::{Call, Verb},
    wait,
};
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use operator_core::decide::clock::Clock;
use rstest::rstest;
use serde_json::json;

/// How long a gateway that came or went changes nothing that is in force.
const GRACE: Duration = Duration::from_secs(60);
/// How often a mere change of the number of gateways is told.
const REFRESH: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// A gateway with the operator's time that has got its first update.
async fn connected(stage: &Stage, name: &str, operator: &Running) -> Result<Gateway> {
    let gateway = starting(stage, name, operator, Behaviour::default()).await?;
    let served = |state: &gateway::State| state.counts.acknowledged > 0;
    gateway
        .wait_for("its first update", PATIENCE, served)
        .await?;
    Ok(gateway)
}

async fn starting(
    stage: &Stage,
    name: &str,
    operator: &Running,
    behaviour: Behaviour,
) -> Result<Gateway> {
    let options = stage.gateway_options(name).await?;
    let clock = operator.clock.clone();
    Gateway::start(Options {
        clock,
        behaviour,
        ..options
    })
    .await
}

/// Waits until the present generation is ready with this message.
pub async fn says<K: Managed>(stage: &Stage, name: &str, wanted: &str) -> Result<K> {
    let what = format!("it says {wanted:?}");
    let told = |object: &K| {
        let said = lifecycle(object);
        let current = said.observed_generation == object.meta().generation;
        match message(object, "Ready") {
            told if told == wanted && current => Ok(()),
            other => Err(other),
        }
    };
    Box::pin(wait::wait_for(&stage.api_of(), name, &what, PATIENCE, told)).await
}

/// Every write but those by which the lease is held.
fn writes(stage: &Stage) -> Vec<Arc<Call>> {
    let requests = stage.api.proxy().requests().into_iter();
    requests
        .map(|it| it.call)
        .filter(|call| call.verb == Verb::Write && call.about != "leases")
        .collect()
}

/// The writes of one object's status.
fn tellings(stage: &Stage, name: &str) -> usize {
    let path = format!("/{name}/status");
    let writes = writes(stage).into_iter();
    writes.filter(|call| call.path.ends_with(&path)).count()
}

/// Waits for the last event about each: events are written beside the passes.
async fn all_was_told(stage: &Stage, objects: usize) -> Result<()> {
    let events = stage.api_of::<Event>();
    wait::until("an event about each object", PATIENCE, || async {
        let list = events.list(&ListParams::default()).await;
        let list = list.map_err(|error| error.to_string())?;
        let done = |event: &&Event| event.reason.as_deref() == Some("Reconciled");
        match list.items.iter().filter(done).count() {
            count if count == objects => Ok(()),
            other => Err(format!("{other} of {objects}")),
        }
    })
    .await
}

/// An edit that is in force shows that whatever came before it was dealt with.
async fn everything_before_is_done(stage: &Stage, edit: &str) -> Result<()> {
    let timeout = json!({ "spec": { "timeout": edit } });
    stage.patch::<APIRoute>("last", timeout).await?;
    stage.ready::<APIRoute>("last").await?;
    Ok(())
}

fn since<K: Managed>(object: &K) -> Timestamp {
    let said = lifecycle(object);
    let ready = said.condition("Ready").expect("it is judged");
    ready.last_transition_time.0
}

/// Two routes on one backend, applied to the gateways that there are.
async fn begin(prefix: &str) -> Result<(Stage, Running)> {
    let stage = Stage::new(prefix).await?;
    let operator = stage.operator_with(UNHURRIED)?;
    stage.backend("web", origin("web").await?).await?;
    stage.route("api", "/api", "web").await?;
    stage.route("last", "/last", "web").await?;
    Ok((stage, operator))
}

async fn all_ready(stage: &Stage) -> Result<()> {
    stage.ready::<Backend>("web").await?;
    stage.ready::<APIRoute>("api").await?;
    stage.ready::<APIRoute>("last").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_force_costs_neither_a_write_nor_an_update() -> Result<()> {
    let (stage, operator) = begin("steady").await?;
    let one = connected(&stage, "one", &operator).await?;
    let two = connected(&stage, "two", &operator).await?;
    let both = [&one, &two];
    all_ready(&stage).await?;
    // What is unanswered when time leaps is sent again, and events are given up.
    all_was_told(&stage, 3).await?;
    let settled = |state: &gateway::State| {
        state.tracked == 3 && state.counts.updates == state.counts.acknowledged
    };
    for gateway in both {
        gateway
            .wait_for("it has answered for everything", PATIENCE, settled)
            .await?;
    }
    let told = "Route successfully applied to 2 gateways";
    elapse(&operator.clock, &both, GRACE + SECOND).await?;
    for name in ["api", "last"] {
        says::<APIRoute>(&stage, name, told).await?;
    }
    says::<Backend>(&stage, "web", "Backend successfully applied to 2 gateways").await?;
    all_was_told(&stage, 3).await?;
    everything_before_is_done(&stage, "10s").await?;
    let path = |call: &Arc<Call>| call.path.clone();
    // The edit's own writes: nothing more is to come of it.
    let writes_of_last = || tellings(&stage, "last");
    wait::until("the edit to be told", PATIENCE, || async {
        writes_of_last() > 0
    })
    .await?;
    let sent = both.map(|gateway| gateway.state().counts.updates);

    stage.api.proxy().clear();
    elapse(&operator.clock, &both, Duration::from_secs(20 * 60)).await?;
    // No edit of what is asked for.
    let label = json!({ "metadata": { "labels": { "team": "blue" } } });
    stage.patch::<APIRoute>("api", label.clone()).await?;
    stage.patch::<Backend>("web", label).await?;
    elapse(&operator.clock, &both, REFRESH).await?;
    assert_eq!(both.map(|gateway| gateway.state().counts.updates), sent);

    everything_before_is_done(&stage, "11s").await?;
    let other: Vec<String> = writes(&stage)
        .iter()
        .map(path)
        .filter(|path| !path.ends_with("/last/status") && !path.contains("/events"))
        .collect();
    assert_eq!(other, [""; 0]);
    let events = writes(&stage).into_iter().filter(|call| {
        let body = String::from_utf8_lossy(&call.body);
        call.about == "events" && !body.contains("\"last\"")
    });
    assert_eq!(events.count(), 0);
    for (gateway, sent) in both.iter().zip(sent) {
        assert_eq!(gateway.state().counts.updates, sent + 1, "the last edit");
        assert_eq!(gateway.state().counts.identical_rebuilds, 0);
    }
    operator.stop().await?;
    for gateway in both {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_come_and_go_flip_nothing_within_the_grace() -> Result<()> {
    let (stage, operator) = begin("grace").await?;
    let clock: Clock = operator.clock.clone();
    let one = connected(&stage, "one", &operator).await?;
    all_ready(&stage).await?;
    elapse(&clock, &[&one], GRACE + SECOND).await?;
    let first = says::<APIRoute>(&stage, "api", "Route successfully applied to 1 gateway").await?;

    let two = connected(&stage, "two", &operator).await?;
    elapse(&clock, &[&one, &two], REFRESH).await?;
    let applied_to_2 = "Route successfully applied to 2 gateways";
    says::<APIRoute>(&stage, "api", applied_to_2).await?;
    drop(two);
    elapse(&clock, &[&one], REFRESH).await?;
    let back = says::<APIRoute>(&stage, "api", "Route successfully applied to 1 gateway").await?;
    assert_eq!(since(&back), since(&first), "it was ready throughout");

    // One that hangs from the beginning spoils nothing before the grace is over.
    let stuck = Behaviour {
        stuck: Some(Stuck::Reading),
        ..Behaviour::default()
    };
    let joins = clock.wall();
    let hangs = starting(&stage, "hangs", &operator, stuck).await?;
    let registered = |state: &gateway::State| state.counts.registrations == 1;
    hangs.wait_for("it registers", PATIENCE, registered).await?;
    elapse(&clock, &[&one, &hangs], GRACE + 5 * SECOND).await?;
    let partly = says::<APIRoute>(&stage, "api", "applied to 1 of 2 gateways").await?;
    let kept = since(&partly).duration_since(joins);
    assert!(kept.as_secs() >= 59, "{kept:?}");
    hangs.set(Behaviour::default());
    let whole = says::<APIRoute>(&stage, "api", applied_to_2).await?;

    // Nor does it when all have left.
    let leave = clock.wall();
    drop((one, hangs));
    elapse(&clock, &[], GRACE / 2).await?;
    let still: APIRoute = stage.ready("api").await?;
    assert_eq!(since(&still), since(&whole));
    // The grace begins when the operator hears that they have left.
    wait::until("nobody to be connected", PATIENCE, || async {
        clock.advance(SECOND);
        let route = stage.api_of::<APIRoute>().get("api").await;
        route.is_ok_and(|route| message(&route, "Ready") == "no gateway is connected")
    })
    .await?;
    let none = says::<APIRoute>(&stage, "api", "no gateway is connected").await?;
    let kept = since(&none).duration_since(leave);
    assert!(kept.as_secs() >= 59, "{kept:?}");
    operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_gateways_is_told_at_most_every_half_minute() -> Result<()> {
    let (stage, operator) = begin("refresh").await?;
    let mut gateways = vec![connected(&stage, "gw-0", &operator).await?];
    all_ready(&stage).await?;
    let all =
        |gateways: &[Gateway]| format!("Route successfully applied to {} gateways", gateways.len());
    elapse(&operator.clock, &[&gateways[0]], GRACE + SECOND).await?;
    says::<APIRoute>(&stage, "api", "Route successfully applied to 1 gateway").await?;
    stage.api.proxy().clear();
    for number in 1..6 {
        gateways.push(connected(&stage, &format!("gw-{number}"), &operator).await?);
        operator.clock.advance(SECOND);
    }
    let them: Vec<&Gateway> = gateways.iter().collect();
    elapse(&operator.clock, &them, REFRESH).await?;
    says::<APIRoute>(&stage, "api", &all(&gateways)).await?;
    everything_before_is_done(&stage, "10s").await?;
    // The first that came was told at once, the rest together.
    let told = tellings(&stage, "api");
    assert!(told <= 2, "told {told} times");
    operator.stop().await
}

#[rstest]
#[case::reading(Stuck::Reading)]
#[case::acknowledging(Stuck::Acknowledging)]
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_hangs_delays_nobody_else(#[case] stuck: Stuck) -> Result<()> {
    let (stage, operator) = begin("hangs").await?;
    let fine = connected(&stage, "fine", &operator).await?;
    let hangs = connected(&stage, "hangs", &operator).await?;
    all_ready(&stage).await?;
    hangs.set(Behaviour {
        stuck: Some(stuck),
        // A heartbeat would tell what it has.
        silent: true,
        ..Behaviour::default()
    });

    stage.route("new", "/new", "web").await?;
    answers(&fine, "/new", 200, "web GET /new").await?;
    stage.unready::<APIRoute>("new", "Programming").await?;
    // It may be told first before the answer of the one that is fine was heard.
    let new: APIRoute = says(&stage, "new", "applied to 1 of 2 gateways").await?;
    let programmed = lifecycle(&new);
    let programmed = programmed.condition("Programmed").expect("it is judged");
    assert_eq!(programmed.status, "False");
    // The others are where they were, and the next edits get through.
    stage.ready::<APIRoute>("api").await?;
    for path in ["/newer", "/newest"] {
        let spec = json!({ "spec": { "match": [{ "uri": { "prefix": path } }] } });
        stage.patch::<APIRoute>("new", spec).await?;
        answers(&fine, path, 200, &format!("web GET {path}")).await?;
    }

    hangs.set(Behaviour::default());
    says::<APIRoute>(&stage, "new", "Route successfully applied to 2 gateways").await?;
    answers(&hangs, "/newest", 200, "web GET /newest").await?;
    operator.stop().await?;
    for gateway in [&fine, &hangs] {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    Ok(())
}
