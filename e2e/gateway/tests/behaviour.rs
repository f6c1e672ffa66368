//! What a test can make a gateway do.

mod operator;

use std::time::Duration;

use gateway::{Behaviour, Event, Gateway, Loss, Options, Refusal, Stuck};
use operator::{Operator, PATIENCE, full_sync, route};
use operator_core::decide::clock::Clock;

#[tokio::test]
async fn a_slow_gateway_takes_its_time() {
    let operator = Operator::start().await;
    let clock = Clock::system();
    let gateway = Gateway::start(Options {
        clock: clock.clone(),
        behaviour: Behaviour {
            apply_takes: Duration::from_secs(3600),
            ..Behaviour::default()
        },
        ..operator.options()
    })
    .await
    .unwrap();
    operator
        .stream()
        .await
        .send(full_sync("v1", &[route("a")], &[]));
    // The update may be on its way still: time goes on until it has been worked on for an hour.
    let applied = gateway.wait_for("the route", PATIENCE, |state| state.routes == 1);
    tokio::pin!(applied);
    loop {
        tokio::select! {
            state = &mut applied => break drop(state.unwrap()),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                clock.advance(Duration::from_secs(600));
            }
        }
    }
    assert!(gateway.updates()[0].took >= Duration::from_secs(3600));
}

#[tokio::test]
async fn a_stuck_gateway_reads_on_when_it_is_freed() {
    let operator = Operator::start().await;
    let clock = Clock::system();
    let gateway = Gateway::start(Options {
        clock: clock.clone(),
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    operator
        .push(&stream, full_sync("v1", &[route("a")], &[]))
        .await;

    let stuck = |stuck| Behaviour {
        stuck,
        ..Behaviour::default()
    };
    gateway.set(stuck(Some(Stuck::Acknowledging)));
    stream.send(full_sync("v2", &[route("b")], &[]));
    let applied = gateway.wait_for("the second", PATIENCE, |state| state.counts.applied == 2);
    assert_eq!(applied.await.unwrap().counts.acknowledged, 1);
    gateway.set(stuck(Some(Stuck::Reading)));
    assert_eq!(operator.ack().await.0, "v2");
    stream.send(full_sync("v3", &[route("c")], &[]));
    clock.advance(Duration::from_secs(30));
    operator.heartbeat().await;
    assert_eq!(gateway.updates().len(), 2, "alive, but it does not read");
    gateway.set(stuck(None));
    assert_eq!(operator.ack().await.0, "v3");
    assert_eq!(gateway.routes(), ["c"]);
}

#[tokio::test]
async fn a_lossy_gateway_applies_without_a_word() {
    let operator = Operator::start().await;
    let loses = |loses| Behaviour {
        loses: Some(loses),
        ..Behaviour::default()
    };
    let gateway = Gateway::start(Options {
        behaviour: loses(Loss::Acknowledgement),
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    stream.send(full_sync("v1", &[route("a")], &[]));
    let lost = |gateway: &Gateway| {
        let events = gateway.events().into_iter();
        let lost = events.filter(|it| matches!(it.event, Event::NotAcknowledged { .. }));
        lost.count()
    };
    let first = gateway.wait_for("the loss", PATIENCE, |_| lost(&gateway) == 1);
    assert_eq!(first.await.unwrap().version, "v1");

    gateway.set(loses(Loss::Connection));
    stream.send(full_sync("v2", &[route("b")], &[]));
    let stream = operator.stream().await;
    assert_eq!(stream.request.last_config_version, "v2", "it was applied");
    assert_eq!(gateway.routes(), ["b"]);

    gateway.set(Behaviour::default());
    let acked = operator
        .push(&stream, full_sync("v3", &[route("b")], &[]))
        .await;
    assert_eq!(acked, (true, String::new()));
    let counted = gateway.wait_for("the count", PATIENCE, |it| it.counts.acknowledged == 1);
    counted.await.unwrap();
    assert!(
        gateway.violations().is_empty(),
        "{:?}",
        gateway.violations()
    );
}

#[tokio::test]
async fn a_stubborn_gateway_refuses_what_the_test_names() {
    let operator = Operator::start().await;
    let refuses = |names_in_errors| Behaviour {
        refuses: Some(Refusal::of_name("b").because("not this one")),
        names_in_errors,
        ..Behaviour::default()
    };
    let gateway = Gateway::start(Options {
        behaviour: refuses(true),
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    let both = |version| full_sync(version, &[route("a"), route("b")], &[]);
    let (success, error) = operator.push(&stream, both("v1")).await;
    assert!(
        !success && error.contains(r#"route "b": not this one"#),
        "{error}"
    );
    gateway.set(refuses(false));
    let (success, error) = operator.push(&stream, both("v2")).await;
    assert!(
        !success && error.ends_with("route: not this one"),
        "{error}"
    );
    gateway.set(Behaviour::default());
    assert!(operator.push(&stream, both("v3")).await.0);
}

#[tokio::test]
async fn a_cut_connection_is_dialled_again() {
    let operator = Operator::start().await;
    let gateway = Gateway::start(operator.options()).await.unwrap();
    let stream = operator.stream().await;
    operator
        .push(&stream, full_sync("v1", &[route("a")], &[]))
        .await;
    gateway.cut();
    let again = operator.stream().await;
    assert_eq!(again.request.session_id, "session-1");
    assert!(
        gateway.violations().is_empty(),
        "{:?}",
        gateway.violations()
    );
}

#[tokio::test]
async fn a_silent_gateway_sends_no_heartbeats() {
    let operator = Operator::start().await;
    let clock = Clock::system();
    let gateway = Gateway::start(Options {
        clock: clock.clone(),
        behaviour: Behaviour {
            silent: true,
            ..Behaviour::default()
        },
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    clock.advance(Duration::from_secs(30));
    operator
        .push(&stream, full_sync("v1", &[route("a")], &[]))
        .await;
    assert_eq!(gateway.state().counts.heartbeats, 0);
    gateway.set(Behaviour::default());
    // One tick may have been missed by being silent still.
    let beating = gateway.wait_for("a heartbeat", PATIENCE, |it| it.counts.heartbeats > 0);
    tokio::pin!(beating);
    loop {
        tokio::select! {
            state = &mut beating => break drop(state.unwrap()),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                clock.advance(Duration::from_secs(30));
            }
        }
    }
    assert_eq!(operator.heartbeat().await.last_applied_version, "v1");
}

#[tokio::test]
async fn hundreds_fit_into_one_process() {
    const GATEWAYS: usize = 200;
    const ROUTES: usize = 100;
    let operator = Operator::start().await;
    let routes: Vec<_> = (0..ROUTES)
        .map(|number| route(&format!("r{number}")))
        .collect();
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        let options = Options {
            name: format!("gateway-{number}"),
            // A machine busy with all of them may be slow to answer a ping.
            keep_alive: gateway::KeepAlive {
                interval: PATIENCE,
                timeout: PATIENCE,
            },
            ..operator.options()
        };
        gateways.push(Gateway::start(options).await.unwrap());
    }
    let mut streams = Vec::new();
    for _ in 0..GATEWAYS {
        let stream = operator.stream().await;
        stream.send(full_sync("v1", &routes, &[]));
        streams.push(stream);
    }
    for gateway in &gateways {
        let all = gateway.wait_for("all routes", PATIENCE, |it| it.routes == ROUTES);
        assert_eq!(all.await.unwrap().counts.registrations, 1);
        assert!(gateway.violations().is_empty());
    }
}
