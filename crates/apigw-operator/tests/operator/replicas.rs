//! Several replicas: each serves gateways, the one that leads tells how far everything has come.

use std::time::Duration;

use crate::stage::{
    PATIENCE, Running, Stage, UNHURRIED,
    http::{answers, origin},
    objects::{lifecycle, message},
    time::elapse,
};
use anyhow::{Result, ensure};
use apigw_operator::LEASE;
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Gateway, Options, State};
use harness::{port::Port, wait};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use operator_core::decide::clock::Clock;
use serde_json::json;

/// Another replica of the stage's operator, with a port of its own.
fn replica(stage: &Stage, name: &str, port: &Port) -> Result<Running> {
    let (name, address) = (
        format!("--pod-name={name}"),
        format!("--grpc-bind-address={}", port.address()),
    );
    stage.operator_with(&[UNHURRIED, &[&name, &address]].concat())
}

/// A gateway that dials the replica on `port`, with the time of this clock.
async fn gateway_of(stage: &Stage, name: &str, port: &Port, clock: &Clock) -> Result<Gateway> {
    let options = stage.gateway_options(name).await?;
    Gateway::start(Options {
        clock: clock.clone(),
        operator: format!("avapigw-operator:{}", port.number()),
        resolve: [("avapigw-operator".to_owned(), port.address())].into(),
        ..options
    })
    .await
}

async fn says(stage: &Stage, route: &str, words: &str) -> Result<APIRoute> {
    wait::wait_for(
        &stage.api_of(),
        route,
        words,
        PATIENCE,
        |route: &APIRoute| message(route, "Ready") == words,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_tells_of_the_gateways_of_every_replica() -> Result<()> {
    let stage = Stage::new("replicas").await?;
    let blue = origin("blue").await?;
    let leader = stage.operator_with(UNHURRIED)?;
    let own = stage.gateway("own").await?;
    let port = Port::reserve()?;
    let follower = replica(&stage, "follower", &port)?;
    let others = gateway_of(&stage, "others", &port, &Clock::system()).await?;
    let registered = |state: &State| state.counts.registrations == 1;
    others
        .wait_for("it is registered", PATIENCE, registered)
        .await?;

    stage.backend("blue", blue).await?;
    stage.route("paint", "/paint", "blue").await?;
    for gateway in [&own, &others] {
        answers(gateway, "/paint", 200, "blue GET /paint").await?;
    }
    let route = says(&stage, "paint", "Route successfully applied to 2 gateways").await?;
    let listed: Vec<_> = route
        .status
        .map(|status| status.gateways.applied_gateways)
        .unwrap_or_default();
    let names: Vec<_> = listed.iter().map(|gateway| &*gateway.name).collect();
    assert_eq!(names, ["others", "own"]);

    // The leader goes; the gateway of the other one is not touched, and nothing turns.
    let before = others.state();
    let turned = lifecycle(&stage.ready::<APIRoute>("paint").await?);
    leader.stop().await?;
    let to = json!({ "spec": { "timeout": "7s" } });
    stage.patch::<APIRoute>("paint", to).await?;
    let route: APIRoute = stage.ready("paint").await?;
    assert_eq!(
        others.state().counts.registrations,
        before.counts.registrations
    );
    let since = |lifecycle: &crd_types::lifecycle::Lifecycle| {
        let ready = lifecycle.condition("Ready");
        ready.map(|ready| ready.last_transition_time.clone())
    };
    assert_eq!(
        since(&lifecycle(&route)),
        since(&turned),
        "Ready never turned"
    );

    // Its gateway finds a replica again, and is counted.
    let leader = stage.operator_with(UNHURRIED)?;
    answers(&own, "/paint", 200, "blue GET /paint").await?;
    let back = |state: &State| state.counts.registrations >= 2;
    own.wait_for("it has registered anew", PATIENCE, back)
        .await?;
    stage
        .patch::<Backend>(
            "blue",
            json!({ "spec": { "loadBalancer": { "algorithm": "random" } } }),
        )
        .await?;
    // Until then the new leader may not have heard of every gateway.
    let grace = Duration::from_secs(61);
    follower.clock.advance(grace);
    leader.clock.advance(grace);
    says(&stage, "paint", "Route successfully applied to 2 gateways").await?;
    for gateway in [&own, &others] {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    follower.stop().await?;
    leader.stop().await
}

/// A lease that nobody loses for being slow, and that can be outlived before a certificate that is made then would
/// begin too late for others.
const LEASED: &[&str] = &[
    "--leader-election-lease-duration=4m",
    "--leader-election-renew-deadline=3m",
    "--reconcile-timeout=1h",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_missed_by_its_own_gateways_alone() -> Result<()> {
    let stage = Stage::new("killed").await?;
    let blue = origin("blue").await?;
    let leader = stage.operator_with(LEASED)?;
    let own = stage.gateway("own").await?;
    stage.backend("blue", blue).await?;
    stage.route("paint", "/paint", "blue").await?;
    says(&stage, "paint", "Route successfully applied to 1 gateway").await?;
    let port = Port::reserve()?;
    let address = format!("--grpc-bind-address={}", port.address());
    let heir = [LEASED, &["--pod-name=heir", &address]].concat();
    let heir = stage.operator_with(&heir)?;
    let others = gateway_of(&stage, "others", &port, &heir.clock).await?;
    answers(&others, "/paint", 200, "blue GET /paint").await?;

    leader.crash().await;
    // As the end of a process does.
    own.cut();
    // Gateways of the other one need no leader: they get every edit, and those of the dead one keep serving.
    stage.route("more", "/more", "blue").await?;
    answers(&others, "/more", 200, "blue GET /more").await?;
    answers(&own, "/paint", 200, "blue GET /paint").await?;
    let leases = stage.api_of::<Lease>();
    let succeeds = || async {
        elapse(&heir.clock, &[&others], Duration::from_secs(30)).await?;
        let lease = leases.get(LEASE).await?.spec.unwrap_or_default();
        let holder = lease.holder_identity.unwrap_or_default();
        ensure!(holder.starts_with("heir"), "{holder} leads");
        anyhow::Ok(())
    };
    wait::until("the heir to lead", PATIENCE, succeeds).await?;
    let more = says(&stage, "more", "Route successfully applied to 1 gateway").await?;
    let lease = leases.get(LEASE).await?.spec.unwrap_or_default();
    let took_over = lease.acquire_time.expect("the heir has it").0;
    let told = lifecycle(&more);
    let told = told
        .condition("Ready")
        .expect("it is")
        .last_transition_time
        .0;
    // Times of conditions are whole seconds.
    let heard = told.duration_since(took_over).as_secs();
    assert!(heard >= 14, "other replicas were heard for {heard} s alone");
    assert_eq!(others.state().counts.registrations, 1);

    // A replica in the place of the dead one reports to the heir.
    let place = [LEASED, &["--pod-name=next"]].concat();
    let next = stage.operator_with(&place)?;
    answers(&own, "/more", 200, "blue GET /more").await?;
    stage.route("last", "/last", "blue").await?;
    says(&stage, "last", "Route successfully applied to 2 gateways").await?;
    for gateway in [&own, &others] {
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    next.stop().await?;
    heir.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_of_a_follower_refuses_is_told_by_the_leader() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let leader = stage.operator_with(UNHURRIED)?;
    let own = stage.gateway("own").await?;
    let port = Port::reserve()?;
    let follower = replica(&stage, "follower", &port)?;
    let others = gateway_of(&stage, "others", &port, &Clock::system()).await?;
    others.set(gateway::Behaviour {
        refuses: Some(gateway::Refusal::of_name("bad").because("no such thing")),
        ..others.behaviour()
    });
    stage.backend("good", "127.0.0.1:9".parse()?).await?;
    stage.backend("bad", "127.0.0.1:9".parse()?).await?;
    let bad: Backend = stage.unready("bad", "RefusedByGateway").await?;
    assert!(
        message(&bad, "Programmed").contains("no such thing"),
        "{bad:?}"
    );
    stage.ready::<Backend>("good").await?;
    for gateway in [&own, &others] {
        let held_out = |_: &State| gateway.backends() == ["good"];
        gateway
            .wait_for("it has the good one alone", PATIENCE, held_out)
            .await?;
        assert_eq!(gateway.violations(), Vec::<String>::new());
    }
    assert_eq!(
        stage
            .api_of::<Backend>()
            .list(&ListParams::default())
            .await?
            .items
            .len(),
        2
    );
    follower.stop().await?;
    leader.stop().await
}
