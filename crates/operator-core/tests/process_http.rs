//! Probes, metrics and state over real sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use operator_core::{
    decide::{
        clock::Clock,
        outcome::{Fault, Outcome},
        reason::{
            Shown::{AtWork, InForce, Refused},
            reasons,
        },
    },
    process::{
        build::Build,
        config::ListenAddress,
        http::{Checks, State, bind, metrics, probes},
        metrics::{Metrics, QueueLoad},
    },
};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

const BUILD: Build = Build {
    version: "1.2.3",
    commit: "abc",
    time: "noon",
};

reasons! {
    /// What the controllers of these tests say.
    const _ {
        FINISHED = "Finished" {
            shown: &[InForce],
            meaning: "it is as it should be",
            remedy: "none",
        }

        WAITING = "Waiting" {
            shown: &[AtWork],
            meaning: "something else comes first",
            remedy: "none",
        }

        INVALID = "Invalid" {
            shown: &[Refused],
            meaning: "it cannot be",
            remedy: "edit it",
        }
    }
}

/// A server on a free loopback port.
struct Server {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    clock: Clock,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: axum::Router) -> Self {
        let listening = bind("METRICS_BIND_ADDRESS", &loopback(0)).await.unwrap();
        let (address, clock) = (listening.address(), Clock::system());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(listening.serve(router, clock.clone(), stopped));
        Self {
            address,
            stop,
            clock,
            task,
        }
    }

    /// Status, headers in lower case, body.
    async fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn probe(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.get(path, "").await;
        (status, body)
    }
}

fn loopback(port: u16) -> ListenAddress {
    format!("127.0.0.1:{port}").parse().unwrap()
}

/// A check that a test can fail.
fn switch(
    on: bool,
) -> (
    Arc<AtomicBool>,
    impl Fn() -> Result<(), String> + Send + Sync + 'static,
) {
    let state = Arc::new(AtomicBool::new(on));
    let asked = state.clone();
    let ask = move || {
        if asked.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err("no list yet".to_owned())
        }
    };
    (state, ask)
}

#[tokio::test]
async fn probes_answer_as_kubernetes_does() {
    let (alive, ask_alive) = switch(true);
    let (synced, ask_synced) = switch(false);
    let mut checks = Checks::default();
    checks.live("queue", ask_alive);
    checks.ready("watch-s3buckets", ask_synced);
    checks.ready("always", || Ok(()));
    let server = Server::start(probes(checks)).await;

    for path in ["/healthz", "/livez"] {
        assert_eq!(server.probe(path).await, (200, "ok".to_owned()));
        let name = &path[1..];
        let expected = format!("[+]queue ok\n{name} check passed\n");
        assert_eq!(
            server.probe(&format!("{path}?verbose")).await,
            (200, expected)
        );
    }
    for path in ["/readyz", "/ready"] {
        let name = &path[1..];
        let expected =
            format!("[-]watch-s3buckets failed: no list yet\n[+]always ok\n{name} check failed\n");
        assert_eq!(
            server.probe(path).await,
            (500, expected),
            "not ready before the first list"
        );
    }

    synced.store(true, Ordering::SeqCst);
    let expected = "[+]watch-s3buckets ok\n[+]always ok\nreadyz check passed\n";
    assert_eq!(
        server.probe("/readyz?timeout=1s&verbose=1").await,
        (200, expected.to_owned())
    );

    synced.store(false, Ordering::SeqCst);
    assert_eq!(
        server.probe("/readyz").await,
        (200, "ok".to_owned()),
        "a later failure flips nothing"
    );
    let expected = "[!]watch-s3buckets ok before, now failing: no list yet\n[+]always ok\n\
                    readyz check passed\n";
    assert_eq!(
        server.probe("/readyz?verbose").await,
        (200, expected.to_owned()),
        "but is told"
    );

    alive.store(false, Ordering::SeqCst);
    let expected = "[-]queue failed: no list yet\nlivez check failed\n";
    assert_eq!(
        server.probe("/livez").await,
        (500, expected.to_owned()),
        "liveness forgives nothing"
    );
    assert_eq!(server.probe("/metrics").await.0, 404);
}

#[tokio::test]
async fn state_is_described_anew_for_each_request() {
    let (leading, _) = switch(false);
    let mut state = State::default();
    let shown = leading.clone();
    state.section(
        "lease",
        move || json!({ "leading": shown.load(Ordering::SeqCst) }),
    );
    state.section("watches", || json!(["s3buckets"]));
    let server = Server::start(metrics(Metrics::new("example", BUILD), Some(state))).await;
    for leads in [false, true] {
        leading.store(leads, Ordering::SeqCst);
        let (status, head, body) = server.get("/debug/state", "").await;
        assert_eq!(status, 200);
        assert!(head.contains("content-type: application/json"), "{head}");
        let expected = json!({ "lease": { "leading": leads }, "watches": ["s3buckets"] });
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_setting() {
    let first = bind("METRICS_BIND_ADDRESS", &loopback(0)).await.unwrap();
    let port = first.address().port();
    let refused = bind("HEALTH_PROBE_BIND_ADDRESS", &loopback(port))
        .await
        .unwrap_err()
        .to_string();
    let expected = format!("HEALTH_PROBE_BIND_ADDRESS: cannot listen on 127.0.0.1:{port}: ");
    assert!(refused.starts_with(&expected), "{refused}");
}

#[tokio::test]
async fn a_stopped_server_accepts_no_more_and_ends() {
    let server = Server::start(probes(Checks::default())).await;
    assert_eq!(server.probe("/healthz").await.0, 200);
    server.stop.send_replace(true);
    server.task.await.unwrap();
    TcpStream::connect(server.address)
        .await
        .expect_err("nobody listens");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_hold_the_stop_up() {
    let server = Server::start(probes(Checks::default())).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHo")
        .await
        .unwrap();
    // Connections are accepted in order: once this one is answered, the first one is in hand.
    assert_eq!(server.probe("/healthz").await.0, 200);
    server.stop.send_replace(true);
    let task = server.task;
    // The grace begins when the server has noticed the stop, so time must go on until it ends.
    while !task.is_finished() {
        server.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    task.await.unwrap();
}

/// A family as a scraper reads it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    /// Name with labels, and value.
    samples: BTreeMap<String, f64>,
}

/// Reads the Prometheus text format 0.0.4 strictly: each family begins with its HELP, then its TYPE, and its
/// samples follow at once; no name and no sample comes twice.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty(), "{name} explains nothing");
            assert!(
                families
                    .insert(name.to_owned(), Family::default())
                    .is_none(),
                "{name} comes twice"
            );
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current, "TYPE must follow HELP");
            let family = families.get_mut(name).unwrap();
            assert!(
                family.kind.is_empty() && ["counter", "gauge", "histogram"].contains(&kind),
                "{line}"
            );
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family.kind = kind.to_owned();
        } else {
            assert!(!line.starts_with('#'), "{line:?} is no part of the format");
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = families.get_mut(&current).unwrap();
            let belongs = match family.kind.as_str() {
                "histogram" => ["_sum", "_count", "_bucket"]
                    .iter()
                    .any(|suffix| name.strip_suffix(suffix) == Some(&current)),
                _ => name == current,
            };
            assert!(belongs, "{line} stands under {current}");
            let value = value.parse().unwrap();
            assert!(
                family.samples.insert(sample.to_owned(), value).is_none(),
                "{sample} comes twice"
            );
        }
    }
    families
}

fn busy() -> Metrics {
    let metrics = Metrics::new("cloud-operator", BUILD);
    let bucket = metrics.controller("s3bucket", || QueueLoad {
        places: 16,
        depth: vec![("edit", 2), ("resync", 7)],
        unfinished: Duration::from_millis(2500),
        longest: Duration::from_secs(2),
    });
    metrics.controller("awsprovider", QueueLoad::default);
    metrics.election("cloud-operator", || (true, 3));
    metrics.watch("s3bucket", || 5, || true);
    metrics.events_dropped(|| 6);
    metrics.api_write_wait(|| Duration::from_millis(7250));
    for _ in 0..5 {
        bucket.added();
        bucket.started(Duration::from_millis(20));
    }
    bucket.retried();
    let took = Duration::from_millis(120);
    bucket.finished(
        &Ok(Outcome::Done {
            reason: FINISHED,
            message: String::new(),
        }),
        took,
    );
    let poll = Duration::from_secs(5);
    bucket.finished(
        &Ok(Outcome::Waiting {
            reason: WAITING,
            on: String::new(),
            poll,
        }),
        took,
    );
    let fault = Fault::terminal(INVALID, "no").with_code("Bad\"Name\\\n");
    bucket.finished(&Err(fault), took);
    bucket.panicked(took);
    // Four of the five passes.
    for _ in 0..4 {
        bucket.left();
    }
    metrics
}

#[tokio::test]
async fn metrics_are_controller_runtimes_by_name_type_and_label() {
    let metrics_of = busy();
    metrics_of.register(|registry| {
        let (own, open) = (Counter::<u64>::default(), Gauge::<i64>::default());
        own.inc();
        registry.register("cloud_calls", "Calls of ours", own);
        registry.register("cloud_open", "Open ones", open);
    });
    let server = Server::start(metrics(metrics_of, Some(State::default()))).await;
    let (status, head, text) = server.get("/metrics", "Accept: text/plain\r\n").await;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    let families = parse(&text);

    let value = |sample: &str| {
        let name = sample.split('{').next().unwrap();
        let suffixes = ["_sum", "_count", "_bucket"];
        let family = suffixes
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix));
        let family = family.chain([name]).find_map(|name| families.get(name));
        let family = family.unwrap_or_else(|| panic!("no family of {sample} in\n{text}"));
        *family
            .samples
            .get(sample)
            .unwrap_or_else(|| panic!("no {sample} in\n{text}"))
    };
    let expected = [
        (
            r#"controller_runtime_reconcile_total{controller="s3bucket",result="success"}"#,
            1.0,
        ),
        (
            r#"controller_runtime_reconcile_total{controller="s3bucket",result="error"}"#,
            2.0,
        ),
        (
            r#"controller_runtime_reconcile_total{controller="s3bucket",result="requeue"}"#,
            0.0,
        ),
        (
            r#"controller_runtime_reconcile_total{controller="s3bucket",result="requeue_after"}"#,
            1.0,
        ),
        (
            r#"controller_runtime_reconcile_errors_total{controller="s3bucket"}"#,
            2.0,
        ),
        (
            r#"controller_runtime_terminal_reconcile_errors_total{controller="s3bucket"}"#,
            1.0,
        ),
        (
            r#"controller_runtime_reconcile_panics_total{controller="s3bucket"}"#,
            1.0,
        ),
        (
            r#"controller_runtime_reconcile_panics_total{controller="awsprovider"}"#,
            0.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_count{controller="s3bucket"}"#,
            4.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.1",controller="s3bucket"}"#,
            0.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.15",controller="s3bucket"}"#,
            4.0,
        ),
        (
            r#"controller_runtime_reconcile_time_seconds_bucket{le="+Inf",controller="s3bucket"}"#,
            4.0,
        ),
        (
            r#"controller_runtime_max_concurrent_reconciles{controller="s3bucket"}"#,
            16.0,
        ),
        (
            r#"controller_runtime_active_workers{controller="s3bucket"}"#,
            1.0,
        ),
        (
            r#"workqueue_depth{name="s3bucket",controller="s3bucket",priority="edit"}"#,
            2.0,
        ),
        (
            r#"workqueue_depth{name="s3bucket",controller="s3bucket",priority="resync"}"#,
            7.0,
        ),
        (
            r#"workqueue_adds_total{name="s3bucket",controller="s3bucket"}"#,
            5.0,
        ),
        (
            r#"workqueue_retries_total{name="s3bucket",controller="s3bucket"}"#,
            1.0,
        ),
        (
            r#"workqueue_queue_duration_seconds_sum{name="s3bucket",controller="s3bucket"}"#,
            0.1,
        ),
        (
            r#"workqueue_work_duration_seconds_count{name="s3bucket",controller="s3bucket"}"#,
            4.0,
        ),
        (
            r#"workqueue_unfinished_work_seconds{name="s3bucket",controller="s3bucket"}"#,
            2.5,
        ),
        (
            r#"workqueue_longest_running_processor_seconds{name="s3bucket",controller="s3bucket"}"#,
            2.0,
        ),
        (
            r#"leader_election_master_status{name="cloud-operator"}"#,
            1.0,
        ),
        (
            r#"leader_election_slowpath_total{name="cloud-operator"}"#,
            3.0,
        ),
        (
            r#"operator_build_info{operator="cloud-operator",version="1.2.3",commit="abc",build_time="noon"}"#,
            1.0,
        ),
        (
            r#"operator_faults_total{controller="s3bucket",class="terminal",code="Bad\"Name\\\n"}"#,
            1.0,
        ),
        (r#"operator_watch_errors_total{kind="s3bucket"}"#, 5.0),
        (r#"operator_watch_missing{kind="s3bucket"}"#, 1.0),
        ("operator_events_dropped_total", 6.0),
        ("operator_api_write_wait_seconds_total", 7.25),
        ("cloud_calls_total", 1.0),
        ("cloud_open", 0.0),
    ];
    for (sample, expected) in expected {
        assert!(
            (value(sample) - expected).abs() < 1e-9,
            "{sample} is {}",
            value(sample)
        );
    }
    let buckets = families["controller_runtime_reconcile_time_seconds"]
        .samples
        .keys();
    let buckets = buckets.filter(|name| name.contains("_bucket") && name.contains("s3bucket"));
    assert_eq!(buckets.count(), 41, "controller-runtime's forty, and +Inf");
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
    assert!(
        value("process_open_fds") >= 3.0 && value("process_open_fds") <= value("process_max_fds")
    );
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(value("process_start_time_seconds") > 1.5e9);
}

#[tokio::test]
async fn open_metrics_are_served_on_request() {
    let server = Server::start(metrics(busy(), None)).await;
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let (status, head, text) = server.get("/metrics", accept).await;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE controller_runtime_reconcile counter\n"));

    let (_, _, plain) = server.get("/metrics", "").await;
    let names = |text: &str| -> BTreeSet<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    assert_eq!(
        names(&plain),
        names(&text),
        "both forms hold the same samples"
    );
}
