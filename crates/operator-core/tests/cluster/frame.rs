//! The frame of an operator: what its caches and writes have in common.

use std::{
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use futures::future::{join_all, pending};
use harness::{
    port::Port,
    proxy::{Action, Gate, Point, Rule},
    wait::{PATIENCE, until},
};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, ResourceExt, api::PostParams, core::PartialObjectMeta};
use operator_core::{
    cluster::{
        cache::{Cache, Projection, Whole},
        leading::Leading,
        turns::Turns,
    },
    decide::{
        budget::Limits,
        clock::Clock,
        outcome::{Outcome, PassResult},
    },
    engines::controller::{Pass, Reconciler},
    process::{
        build::build,
        config::{Common, Inputs, load},
        operator::Operator,
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    gadget::{Gadget, WELL},
    stage::{self, Stage},
};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    common: Common,
}

/// Settings for the namespace of the stage.
pub fn common(stage: &Stage, settings: &[String]) -> Common {
    let namespace = format!("--watch-namespaces={}", stage.namespace.name());
    let fixed = ["gadget-operator", "--leader-elect=false", &namespace];
    let args = fixed.map(Into::into).into_iter();
    let inputs = Inputs {
        args: args.chain(settings.iter().map(Into::into)).collect(),
        env: &|_| None,
        facts: &[],
    };
    load::<Settings>(&inputs).unwrap().settings.common
}

/// A frame for the namespace of the stage.
pub fn frame(stage: &Stage, clock: &Clock, settings: &[String]) -> Operator {
    frame_with(stage, clock, common(stage, settings))
}

/// A frame with these settings.
pub fn frame_with(stage: &Stage, clock: &Clock, common: Common) -> Operator {
    let (client, clock) = (stage.client.clone(), clock.clone());
    Operator::new(
        "gadget-operator",
        build!(),
        "gadgets",
        common,
        client,
        clock,
    )
}

/// Status and body of an answer.
async fn get(port: &Port, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(port.address()).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Keeps of a Service that it is there.
struct Names;

impl Projection for Names {
    type Object = PartialObjectMeta<Service>;
    type Stored = ();

    fn project(_: PartialObjectMeta<Service>) {}
}

/// Counts passes that could, and that could not yet, know every Service.
struct Needs {
    services: Arc<Cache<Names>>,
    passes: Arc<[AtomicUsize; 2]>,
}

impl Reconciler for Needs {
    type Kind = Gadget;

    fn lane(_: &Gadget) -> Arc<str> {
        "all".into()
    }

    async fn reconcile(&self, _: &mut Pass<Gadget>) -> PassResult {
        let known = usize::from(self.services.synced());
        self.passes[known].fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::Done {
            reason: WELL,
            message: "all is well".to_owned(),
        })
    }
}

#[tokio::test]
async fn a_cache_of_names_counts_as_one_of_whole_objects_does() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let service = json!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "port": 80 }] } });
    let services: Api<Service> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    let service: Service = serde_json::from_value(service).unwrap();
    services
        .create(&PostParams::default(), &service)
        .await
        .unwrap();
    let gate = Gate::new();
    stage.proxy().rule(Rule::when(
        |call| call.about == "services",
        Action::Hold(Point::Before, gate.clone()),
    ));

    let [probes, metrics] = [(); 2].map(|()| Port::reserve().unwrap());
    let settings = [
        format!("--health-probe-bind-address={}", probes.address()),
        format!("--metrics-bind-address={}", metrics.address()),
        "--metrics-secure=false".to_owned(),
    ];
    let mut operator = frame(&stage, &Clock::system(), &settings);
    let gadgets: Arc<Cache<Whole<Gadget>>> = operator.cache("gadget");
    let services: Arc<Cache<Names>> = operator.projection("service");
    let passes = Arc::<[AtomicUsize; 2]>::default();
    let needs = Needs {
        services: services.clone(),
        passes: passes.clone(),
    };
    operator.controller(&gadgets, needs);

    let story = async {
        stage::arrived(&gate).await;
        let unready = || async {
            let (status, body) = get(&probes, "/readyz").await.unwrap_or_default();
            let expected = "[+]watch-gadget ok\n[-]watch-service failed: not listed yet\n";
            status == 500 && body.starts_with(expected)
        };
        until("only the Services to be missing", PATIENCE, unready)
            .await
            .unwrap();
        gate.open();
        let passed = || async { passes[1].load(Ordering::SeqCst) > 0 };
        until("a pass", PATIENCE, passed).await.unwrap();
        assert_eq!(get(&probes, "/readyz").await.unwrap().0, 200);

        let key = stage.key("web");
        assert_eq!(services.get(&key).as_deref(), Some(&()));
        let (_, state) = get(&metrics, "/debug/state").await.unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        let watch = &state["watch/service"];
        assert_eq!(
            (&watch["synced"], &watch["objects"]),
            (&json!(true), &json!(1))
        );
        let (_, text) = get(&metrics, "/metrics").await.unwrap();
        assert!(
            text.contains("operator_watch_errors_total{kind=\"service\"} 0\n"),
            "{text}"
        );
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
    assert_eq!(passes[0].load(Ordering::SeqCst), 0, "a pass came too early");
}

#[tokio::test]
async fn the_frames_writes_are_within_the_budget_of_its_settings() {
    let stage = Stage::new().await;
    let gadget = stage.create("one", 1).await;
    let clock = Clock::system();
    let leading = Leading::always(clock.clone());
    let waited = |operator: &Operator| -> f64 {
        let text = operator.metrics.expose(None).text;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("operator_api_write_wait_seconds_total "));
        line.unwrap().parse().unwrap()
    };
    for (rate, limited) in [("1", true), ("0", false)] {
        let settings = [
            format!("--api-write-rate={rate}"),
            "--api-write-burst=1".to_owned(),
        ];
        let operator = frame(&stage, &clock, &settings);
        assert!(waited(&operator).abs() < f64::EPSILON);
        let names: Vec<_> = (0..20)
            .map(|n| format!("gadgets.example.com/{n}"))
            .collect();
        // All but one of them come too late to be taken.
        let writes = names
            .iter()
            .map(|name| operator.writer.add_finalizer(&leading, &gadget, name));
        let mut writes = pin!(join_all(writes));
        assert!(futures::poll!(&mut writes).is_pending());
        clock.advance(Duration::from_secs(60));
        writes.await;
        let waited = waited(&operator);
        assert_eq!(waited >= 60.0, limited, "{waited}");
    }
    assert!(stage.gadgets().get("one").await.unwrap().finalizers().len() <= 1);
}

/// Waits for two turns in each pass, as calls do of which only so many are allowed.
struct Queues {
    turns: Turns,
    passes: Arc<AtomicUsize>,
    had: Arc<AtomicUsize>,
}

impl Reconciler for Queues {
    type Kind = Gadget;

    fn lane(_: &Gadget) -> Arc<str> {
        "all".into()
    }

    async fn reconcile(&self, _: &mut Pass<Gadget>) -> PassResult {
        self.passes.fetch_add(1, Ordering::SeqCst);
        for _ in 0..2 {
            self.turns.next(&"all".into()).await;
            self.had.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Outcome::Done {
            reason: WELL,
            message: "all is well".to_owned(),
        })
    }
}

#[tokio::test]
async fn what_a_pass_waits_for_its_turn_is_not_taken_from_its_time() {
    const HOUR: Duration = Duration::from_secs(3600);
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let clock = Clock::system();
    let limits = Limits {
        interval: HOUR,
        burst: NonZeroU32::MIN,
    };
    let turns = Turns::new(limits, clock.clone());
    turns.next(&"all".into()).await;

    let settings = [
        "--reconcile-timeout=1m",
        "--metrics-bind-address=0",
        "--metrics-secure=false",
        "--health-probe-bind-address=0",
    ]
    .map(str::to_owned);
    let mut operator = frame(&stage, &clock, &settings);
    let gadgets: Arc<Cache<Whole<Gadget>>> = operator.cache("gadget");
    let [passes, had] = [(); 2].map(|()| Arc::<AtomicUsize>::default());
    let queues = Queues {
        turns,
        passes: passes.clone(),
        had: had.clone(),
    };
    operator.controller(&gadgets, queues);
    let story = async {
        let begun = || async { passes.load(Ordering::SeqCst) == 1 };
        until("a pass", PATIENCE, begun).await.unwrap();
        // The first turn comes long after the time of the pass, and the pass waits again.
        clock.advance(HOUR);
        let one = || async { had.load(Ordering::SeqCst) == 1 };
        until("its first turn", PATIENCE, one).await.unwrap();
        clock.advance(HOUR);
        let ready = || async {
            let gadget = stage.gadgets().get("one").await.unwrap();
            gadget.status.is_some_and(|status| status.lifecycle.ready)
        };
        until("it to be ready", PATIENCE, ready).await.unwrap();
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
    assert_eq!(passes.load(Ordering::SeqCst), 1, "it was not cut short");
}
