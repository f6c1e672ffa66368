//! What a log line looks like.

use std::{
    env, fmt, io,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use operator_core::{
    decide::clock::Clock,
    process::{
        config::{FeatureGates, Log, LogFormat, LogLevel},
        telemetry::{human_subscriber, init, json_subscriber},
    },
};
use serde_json::{Map, Value, json};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::fmt::MakeWriter;

/// Keeps every call of `write` apart.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Written {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(line.to_vec());
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Written {
    type Writer = Self;
    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// The lines that `work` logs, each checked to be one JSON object in one write with its keys in order.
fn lines(level: LogLevel, work: impl FnOnce()) -> Vec<Map<String, Value>> {
    let written = Written::default();
    let subscriber = json_subscriber(level, Clock::system(), written.clone());
    tracing::subscriber::with_default(subscriber, work);
    let written = written.0.lock().unwrap();
    let read = written.iter().map(|line| {
        let line = std::str::from_utf8(line).unwrap();
        assert!(
            line.ends_with("}\n") && line.lines().count() == 1,
            "{line:?}"
        );
        assert!(line.starts_with("{\"level\":\""), "{line:?}");
        let (before, _) = line.split_once(",\"msg\":").unwrap();
        assert!(before.contains(",\"ts\":\""), "{line:?}");
        let read: Map<String, Value> = serde_json::from_str(line).unwrap();
        for name in read.keys() {
            let twice = line.matches(&format!("{}:", json!(name))).count();
            assert_eq!(twice, 1, "{name} in {line:?}");
        }
        read
    });
    read.collect()
}

#[test]
fn a_line_holds_the_promised_fields() {
    let lines = lines(LogLevel::Info, || {
        let span = info_span!(
            "pass",
            controller = "s3bucket",
            kind = "S3Bucket",
            namespace = "team",
            name = "logs",
            generation = 3,
            reconcileID = tracing::field::Empty,
        );
        span.record("reconcileID", "00c0ffee");
        let _entered = span.enter();
        info!(reason = "BucketReady", "bucket is ready");
    });
    let mut line = lines.into_iter().next().unwrap();
    let ts = line.remove("ts").unwrap();
    let ts = ts.as_str().unwrap();
    assert_eq!(ts.len(), "2026-11-21T10:00:00.123Z".len(), "{ts}");
    assert!(
        ts.ends_with('Z') && ts.parse::<jiff::Timestamp>().is_ok(),
        "{ts}"
    );
    let expected = json!({
        "level": "info", "msg": "bucket is ready", "reason": "BucketReady", "controller": "s3bucket",
        "kind": "S3Bucket", "namespace": "team", "name": "logs", "generation": 3,
        "reconcileID": "00c0ffee",
    });
    assert_eq!(Value::Object(line), expected);
}

#[test]
fn the_closest_value_of_a_name_wins() {
    let lines = lines(LogLevel::Info, || {
        let outer = info_span!("outer", name = "outer", place = "outer", only = "outer");
        let _outer = outer.enter();
        let inner = info_span!("inner", name = "inner", place = "inner");
        inner.record("place", "inner, later");
        let _inner = inner.enter();
        warn!(name = "event");
    });
    let line = &lines[0];
    assert_eq!((&line["level"], &line["msg"]), (&json!("warn"), &json!("")));
    assert_eq!(line["name"], "event");
    assert_eq!(line["place"], "inner, later");
    assert_eq!(line["only"], "outer");
}

#[test]
fn a_value_recorded_again_replaces_the_one_before() {
    let lines = lines(LogLevel::Info, || {
        let span = info_span!("pass", state = "begun", other = 1, more = "x");
        let _entered = span.enter();
        for state in ["a much longer state than before", "", "ended"] {
            span.record("state", state);
            span.record("other", 2);
        }
        info!("now");
    });
    let line = &lines[0];
    assert_eq!(
        (&line["state"], &line["other"], &line["more"]),
        (&json!("ended"), &json!(2), &json!("x"))
    );
}

#[test]
fn own_names_are_not_taken_by_fields() {
    let lines = lines(LogLevel::Info, || {
        info!(level = 7, ts = "never", msg = "mine", "real")
    });
    let line = &lines[0];
    assert_eq!(
        (&line["level"], &line["msg"]),
        (&json!("info"), &json!("real"))
    );
    assert_eq!(line["fields.level"], 7);
    assert_eq!(line["fields.ts"], "never");
    assert_eq!(line["fields.msg"], "mine");
}

#[test]
fn every_kind_of_value_is_valid_json() {
    #[derive(Debug)]
    struct Odd(#[expect(dead_code, reason = "shown by Debug")] &'static str);
    let broken = io::Error::other("cannot \"quote\"\n");
    let lines = lines(LogLevel::Info, || {
        info!(
            text = "a \"b\" \\ \n\r\t\u{1}\u{7f} é 🪣",
            debug = ?Odd("x\ny"),
            display = %"shown",
            error = &broken as &dyn std::error::Error,
            yes = true, negative = -1, huge = u64::MAX, wider = i128::MIN, part = 1.5,
            nan = f64::NAN, infinite = f64::INFINITY, none = Option::<u64>::None, some = Some(1),
            "quoted \"name\"" = 1, r#type = "t",
            "multi\nline"
        );
    });
    let line = &lines[0];
    assert_eq!(line["msg"], "multi\nline");
    assert_eq!(line["text"], "a \"b\" \\ \n\r\t\u{1}\u{7f} é 🪣");
    assert_eq!(line["debug"], "Odd(\"x\\ny\")");
    assert_eq!(line["display"], "shown");
    assert_eq!(line["error"], "cannot \"quote\"\n");
    assert_eq!(
        (&line["yes"], &line["negative"]),
        (&json!(true), &json!(-1))
    );
    assert_eq!(
        (&line["huge"], &line["part"]),
        (&json!(u64::MAX), &json!(1.5))
    );
    assert_eq!(
        (&line["nan"], &line["infinite"]),
        (&json!("NaN"), &json!("inf"))
    );
    assert!(!line.contains_key("none"));
    assert_eq!(
        (&line["some"], &line["quoted \"name\""], &line["type"]),
        (&json!(1), &json!(1), &json!("t"))
    );
}

#[test]
fn levels_are_kept() {
    let logged = |level| {
        let lines = lines(level, || {
            error!("error");
            warn!("warn");
            info!("info");
            debug!("debug");
            tracing::trace!("trace");
            warn!(target: "kube_client::client", "{{\"data\":{{\"password\":\"Y2FuYXJ5\"}}}}");
        });
        lines
            .iter()
            .map(|line| line["level"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(logged(LogLevel::Error), ["error"]);
    assert_eq!(logged(LogLevel::Warn), ["error", "warn"]);
    assert_eq!(logged(LogLevel::Info), ["error", "warn", "info"]);
    assert_eq!(logged(LogLevel::Debug), ["error", "warn", "info", "debug"]);
    assert_eq!(
        logged(LogLevel::Trace),
        ["error", "warn", "info", "debug", "trace"]
    );
}

#[test]
fn the_clock_of_the_operator_is_shown() {
    let clock = Clock::system();
    let before = clock.wall();
    clock.advance(std::time::Duration::from_secs(3600));
    let written = Written::default();
    let subscriber = json_subscriber(LogLevel::Info, clock, written.clone());
    tracing::subscriber::with_default(subscriber, || info!("later"));
    let line: Value = serde_json::from_slice(&written.0.lock().unwrap()[0]).unwrap();
    let shown: jiff::Timestamp = line["ts"].as_str().unwrap().parse().unwrap();
    assert!(shown.duration_since(before).as_secs() >= 3599, "{shown}");
}

#[test]
fn people_get_text() {
    let written = Written::default();
    let subscriber = human_subscriber(LogLevel::Info, Clock::system(), written.clone(), false);
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("pass", name = "logs");
        let _entered = span.enter();
        info!(reason = "BucketReady", "bucket is ready");
        debug!("not shown");
    });
    let written = written.0.lock().unwrap();
    let text = std::str::from_utf8(&written[0]).unwrap();
    let (ts, rest) = text.split_once(' ').unwrap();
    assert!(ts.parse::<jiff::Timestamp>().is_ok(), "{text}");
    assert_eq!(
        rest.trim(),
        "INFO pass{name=\"logs\"}: bucket is ready reason=\"BucketReady\""
    );
    assert_eq!(written.len(), 1);
}

/// Set in the process that [`a_process_logs_to_standard_error`] starts.
const CHILD: &str = "PROCESS_TELEMETRY_CHILD";

/// Not a test by itself: what a process does once [`init`] was called.
#[test]
fn child() {
    struct Chatty;
    impl fmt::Display for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!("logged while another line is put together");
            f.write_str("chatty")
        }
    }
    if env::var_os(CHILD).is_none() {
        return;
    }
    let log = Log {
        level: LogLevel::Info,
        format: LogFormat::Auto,
    };
    let _telemetry = init(log, "test", &FeatureGates::default(), None, Clock::system()).unwrap();
    assert!(
        init(log, "test", &FeatureGates::default(), None, Clock::system()).is_err(),
        "there is one log"
    );
    info!(value = %Chatty, "outer");
    let worker = thread::Builder::new().name("worker".to_owned());
    let panicked = worker.spawn(|| panic!("lost \"it\"")).unwrap().join();
    assert!(panicked.is_err());
}

#[test]
fn a_process_logs_to_standard_error() {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let text = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0]["msg"], "logged while another line is put together");
    assert_eq!(
        (&lines[1]["msg"], &lines[1]["value"]),
        (&json!("outer"), &json!("chatty"))
    );
    assert_eq!(
        (&lines[2]["level"], &lines[2]["thread"]),
        (&json!("error"), &json!("worker"))
    );
    assert_eq!(lines[2]["msg"], "panicked: lost \"it\"");
    assert!(
        lines[2]["location"]
            .as_str()
            .unwrap()
            .contains("process_telemetry.rs:"),
        "{text}"
    );
}
