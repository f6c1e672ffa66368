//! What a gateway does with what an operator says.

mod operator;

use std::time::Duration;

use apigw_protocol::{ResourceType, UpdateType};
use gateway::{Gateway, Kind, Options, Outcome, Phase, Waits};
use operator::{Operator, PATIENCE, Streaming, full_sync, resource, route, snapshot, step};
use operator_core::decide::clock::Clock;
use tonic::Status;

struct Stage {
    operator: Operator,
    gateway: Gateway,
    stream: Streaming,
    clock: Clock,
}

/// A registered gateway with an open stream.
async fn stage() -> Stage {
    let operator = Operator::start().await;
    let clock = Clock::system();
    let gateway = Gateway::start(Options {
        clock: clock.clone(),
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    Stage {
        operator,
        gateway,
        stream,
        clock,
    }
}

const ACCEPTED: (bool, String) = (true, String::new());
const NONE: [String; 0] = [];

impl Stage {
    async fn push(&self, update: apigw_protocol::ConfigurationUpdate) -> (bool, String) {
        self.operator.push(&self.stream, update).await
    }

    async fn sync(&self, version: &str, names: &[&str]) -> (bool, String) {
        let routes: Vec<_> = names.iter().map(|name| route(name)).collect();
        self.push(full_sync(version, &routes, &[])).await
    }

    fn route_step(
        &self,
        kind: UpdateType,
        sequence: i64,
        name: &str,
    ) -> apigw_protocol::ConfigurationUpdate {
        let version = format!("step-{sequence}");
        step(
            kind,
            &version,
            sequence,
            resource(ResourceType::ApiRoute, &route(name)),
        )
    }

    #[track_caller]
    fn only_violation(&self, text: &str) {
        let found = self.gateway.violations();
        assert!(found.len() == 1 && found[0].contains(text), "{found:?}");
    }
}

#[tokio::test]
async fn a_full_sync_is_applied_and_acknowledged() {
    let stage = stage().await;
    assert_eq!(stage.stream.request.session_id, "session-0");
    assert_eq!(stage.stream.request.last_config_version, "");
    assert_eq!(stage.sync("v1", &["a", "b"]).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), ["a", "b"]);
    let keys: Vec<_> = stage.gateway.tracked(Kind::ApiRoute).into_keys().collect();
    assert_eq!(keys, ["ns/a", "ns/b"]);
    let state = stage.gateway.state();
    assert_eq!((state.version.as_str(), state.tracked), ("v1", 2));
    assert_eq!((state.counts.applied, state.connected), (1, true));
    assert_eq!(stage.gateway.violations(), NONE);
}

#[tokio::test]
async fn the_guards_swallow_and_acknowledge_a_success() {
    let stage = stage().await;
    stage.sync("v1", &["a", "b"]).await;
    assert_eq!(stage.sync("v2", &["a"]).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), ["a", "b"], "nothing was applied");
    assert_eq!(stage.gateway.state().version, "v2");

    stage.clock.advance(Duration::from_secs(31));
    assert_eq!(stage.sync("v3", &["a"]).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), ["a"]);

    assert_eq!(stage.sync("v4", &[]).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), ["a"], "an empty one never counts");
    assert_eq!(stage.gateway.state().counts.swallowed, 2);

    let last = stage.route_step(UpdateType::Deleted, 1, "a");
    assert_eq!(stage.push(last).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), NONE);
    assert_eq!(stage.gateway.violations(), NONE);
}

#[tokio::test]
async fn increments_follow_the_rule_of_sequences() {
    let stage = stage().await;
    stage.sync("v1", &["a"]).await;
    let added = stage.route_step(UpdateType::Added, 2, "b");
    assert_eq!(stage.push(added).await, ACCEPTED);
    // Neither is acknowledged: the next acknowledgement is that of the third.
    stage
        .stream
        .send(stage.route_step(UpdateType::Deleted, 2, "a"));
    stage
        .stream
        .send(stage.route_step(UpdateType::Deleted, 1, "a"));
    let next = stage.route_step(UpdateType::Modified, 3, "b");
    assert_eq!(stage.push(next).await, ACCEPTED);
    assert_eq!(stage.gateway.routes(), ["a", "b"]);
    let dropped = stage.gateway.violations();
    assert_eq!(dropped.len(), 2, "{dropped:?}");
    assert!(
        dropped[0].contains("not newer than sequence 2"),
        "{dropped:?}"
    );
    let outcomes: Vec<_> = stage
        .gateway
        .updates()
        .into_iter()
        .map(|it| it.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Applied,
            Outcome::Applied,
            Outcome::Dropped,
            Outcome::Dropped,
            Outcome::Applied
        ]
    );
}

#[tokio::test]
async fn a_refusal_names_the_resource_and_moves_nothing() {
    let stage = stage().await;
    stage.sync("v1", &["a"]).await;
    let bad = serde_json::json!({"name": "b", "match": [{"methods": ["FETCH"]}], "redirect": {}});
    let (success, error) = stage.push(full_sync("v2", &[route("a"), bad], &[])).await;
    assert!(
        !success && error.contains(r#"route "b": invalid HTTP method "FETCH""#),
        "{error}"
    );
    let state = stage.gateway.state();
    assert_eq!((state.version.as_str(), state.tracked), ("v1", 2));
    assert_eq!(state.last_refusal.as_deref(), Some(error.as_str()));
    assert_eq!(stage.sync("v3", &["a", "c"]).await, ACCEPTED);
    assert_eq!(
        stage.gateway.violations(),
        NONE,
        "a refusal is no violation"
    );
}

#[tokio::test]
async fn an_end_with_ok_or_an_error_is_dialled_again() {
    let mut stage = stage().await;
    stage.sync("v1", &["a"]).await;
    stage.stream.end(Status::unavailable("shutting down"));
    stage.stream = stage.operator.stream().await;
    assert_eq!(stage.stream.request.session_id, "session-1");
    assert_eq!(stage.stream.request.last_config_version, "v1");
    stage.sync("v2", &["a"]).await;
    drop(stage.stream);
    stage.stream = stage.operator.stream().await;
    stage.sync("v3", &["a"]).await;
    let counts = stage.gateway.state().counts;
    assert_eq!((counts.registrations, counts.identical_rebuilds), (3, 0));
    stage.sync("v4", &["a"]).await;
    assert_eq!(stage.gateway.state().counts.identical_rebuilds, 1);
    assert_eq!(stage.gateway.violations(), NONE);
}

#[tokio::test]
async fn cancelled_ends_the_stream_for_ever_while_heartbeats_go_on() {
    let stage = stage().await;
    stage.sync("v1", &["a"]).await;
    stage.stream.end(Status::cancelled("the operator gave up"));
    let deaf = stage
        .gateway
        .wait_for("the end", PATIENCE, |it| it.phase == Phase::Deaf);
    assert!(deaf.await.unwrap().connected);
    stage.only_violation("CANCELLED");
    stage.clock.advance(Duration::from_secs(30));
    let beat = stage.operator.heartbeat().await;
    assert_eq!(
        (beat.session_id.as_str(), beat.last_applied_version.as_str()),
        ("session-0", "v1")
    );
}

#[tokio::test]
async fn what_a_gateway_would_break_on_is_on_record() {
    let stage = stage().await;
    let odd = stage.route_step(UpdateType::Heartbeat, 1, "a");
    assert_eq!(stage.push(odd).await, ACCEPTED);
    let found = stage.gateway.violations();
    assert!(
        found.iter().any(|text| text.contains("first of a stream")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|text| text.contains("HEARTBEAT")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_message_over_4_mib_is_never_taken() {
    let mut stage = stage().await;
    let mut large = route("a");
    large["directResponse"]["body"] = "x".repeat(4 << 20).into();
    stage.stream.send(full_sync("v1", &[large], &[]));
    stage.stream = stage.operator.stream().await;
    stage.only_violation("over 4 MiB");
    assert_eq!(stage.sync("v2", &["a"]).await, ACCEPTED);
}

#[tokio::test]
async fn an_initial_configuration_is_applied_without_an_acknowledgement() {
    let operator = Operator::start().await;
    operator.script().registration.send_modify(|answer| {
        answer.initial_config = Some(snapshot(&[route("a")], &[]));
    });
    let gateway = Gateway::start(operator.options()).await.unwrap();
    let stream = operator.stream().await;
    assert_eq!(gateway.routes(), ["a"]);
    assert_eq!(gateway.state().version, "");
    let acked = operator
        .push(&stream, full_sync("v1", &[route("a")], &[]))
        .await;
    assert_eq!(
        acked, ACCEPTED,
        "the first acknowledgement is that of the stream"
    );
    assert_eq!(gateway.violations(), NONE);
}

#[tokio::test]
async fn sessions_must_be_new() {
    let operator = Operator::start().await;
    let session = |id: &str| {
        let id = id.to_owned();
        operator
            .script()
            .registration
            .send_modify(|answer| answer.session_id = id);
    };
    session("(empty)");
    let gateway = Gateway::start(operator.options()).await.unwrap();
    for id in ["twice", "twice"] {
        let stream = operator.stream().await;
        session(id);
        drop(stream);
    }
    operator.stream().await;
    let found = gateway.violations();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("empty session_id"), "{found:?}");
    assert!(found[1].contains("given out before"), "{found:?}");
}

#[tokio::test]
async fn an_interval_of_zero_crashes_the_gateway() {
    let operator = Operator::start().await;
    let zero = Some(prost_types::Duration::default());
    let script = operator.script();
    script
        .registration
        .send_modify(|answer| answer.heartbeat_interval = zero);
    let mut gateway = Gateway::start(operator.options()).await.unwrap();
    gateway.ended().await;
    assert_eq!(gateway.state().phase, Phase::Crashed);
    assert_eq!(gateway.violations().len(), 1);
}

#[tokio::test]
async fn heartbeats_come_at_the_first_interval_until_should_reconnect() {
    let operator = Operator::start().await;
    let clock = Clock::system();
    let interval = prost_types::Duration {
        seconds: 600,
        nanos: 0,
    };
    let script = operator.script();
    script
        .registration
        .send_modify(|answer| answer.heartbeat_interval = Some(interval));
    let gateway = Gateway::start(Options {
        clock: clock.clone(),
        ..operator.options()
    })
    .await
    .unwrap();
    let _stream = operator.stream().await;
    clock.advance(Duration::from_secs(600));
    operator.heartbeat().await;
    let answered = gateway.wait_for("its answer", PATIENCE, |it| it.counts.heartbeats == 1);
    answered.await.unwrap();
    script
        .heartbeat
        .send_modify(|answer| answer.should_reconnect = true);
    clock.advance(Duration::from_secs(600));
    operator.heartbeat().await;
    let unconnected = gateway.wait_for("its disbelief", PATIENCE, |it| !it.connected);
    assert_eq!(
        unconnected.await.unwrap().phase,
        Phase::Running,
        "the stream goes on"
    );
    assert_eq!(gateway.violations().len(), 1);
}

#[tokio::test]
async fn a_start_without_an_operator_gives_up() {
    let nobody = harness::port::Port::reserve().unwrap();
    let mut gateway = Gateway::start(Options {
        start: Waits {
            retries: Some(2),
            ..Waits::QUICK
        },
        ..Options::new(nobody.address().to_string(), "gateway-0")
    })
    .await
    .unwrap();
    gateway.ended().await;
    assert_eq!(gateway.state().phase, Phase::GaveUp);
    let failed = gateway.events();
    assert_eq!(failed.len(), 4, "three attempts and the end: {failed:?}");
}
