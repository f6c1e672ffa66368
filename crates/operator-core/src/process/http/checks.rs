//! Probes: is the process alive, and is it ready?

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    routing::get,
};

type Ask = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the probes ask. A check answers at once, and with a reason if it fails.
#[derive(Default)]
pub struct Checks {
    live: Vec<Check>,
    ready: Vec<Check>,
}

struct Check {
    name: String,
    ask: Ask,
    passed: AtomicBool,
}

impl Check {
    fn new(name: String, ask: Ask) -> Self {
        Self {
            name,
            ask,
            passed: AtomicBool::new(false),
        }
    }
}

impl Checks {
    /// A check whose failure means that only a restart helps.
    pub fn live(
        &mut self,
        name: impl Into<String>,
        ask: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.live.push(Check::new(name.into(), Box::new(ask)));
    }

    /// A check that must have passed once before this process serves. A later failure is shown by
    /// `?verbose` and changes nothing: taking the replica away would not mend what is outside of it.
    pub fn ready(
        &mut self,
        name: impl Into<String>,
        ask: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.ready.push(Check::new(name.into(), Box::new(ask)));
    }
}

/// `/healthz` and `/livez` ask the live checks, `/readyz` and `/ready` the ready ones: 200 or 500, with one
/// line a check if `?verbose` is given or one fails, as Kubernetes' own servers answer.
pub fn probes(checks: Checks) -> Router {
    let checks = Arc::new(checks);
    let health = |path: &'static str| {
        get(
            move |RawQuery(query): RawQuery, State(checks): State<Arc<Checks>>| async move {
                answer(path, query, checks.live.iter().map(strict))
            },
        )
    };
    let readiness = |path: &'static str| {
        get(
            move |RawQuery(query): RawQuery, State(checks): State<Arc<Checks>>| async move {
                answer(path, query, checks.ready.iter().map(once))
            },
        )
    };
    Router::new()
        .route("/healthz", health("healthz"))
        .route("/livez", health("livez"))
        .route("/readyz", readiness("readyz"))
        .route("/ready", readiness("ready"))
        .with_state(checks)
}

enum Verdict {
    Passed,
    /// It has passed before, and that is enough.
    FailsNow(String),
    Failed(String),
}

fn strict(check: &Check) -> (&str, Verdict) {
    let verdict = match (check.ask)() {
        Ok(()) => Verdict::Passed,
        Err(reason) => Verdict::Failed(reason),
    };
    (&check.name, verdict)
}

fn once(check: &Check) -> (&str, Verdict) {
    let verdict = match (check.ask)() {
        Ok(()) => {
            check.passed.store(true, Ordering::Relaxed);
            Verdict::Passed
        }
        Err(reason) if check.passed.load(Ordering::Relaxed) => Verdict::FailsNow(reason),
        Err(reason) => Verdict::Failed(reason),
    };
    (&check.name, verdict)
}

fn answer<'c>(
    path: &str,
    query: Option<String>,
    verdicts: impl Iterator<Item = (&'c str, Verdict)>,
) -> (StatusCode, String) {
    let mut lines = String::new();
    let mut passed = true;
    for (name, verdict) in verdicts {
        // Writing to a string cannot fail.
        let _ = match verdict {
            Verdict::Passed => writeln!(lines, "[+]{name} ok"),
            Verdict::FailsNow(reason) => {
                writeln!(lines, "[!]{name} ok before, now failing: {reason}")
            }
            Verdict::Failed(reason) => {
                passed = false;
                writeln!(lines, "[-]{name} failed: {reason}")
            }
        };
    }
    let verbose = query
        .as_deref()
        .unwrap_or_default()
        .split('&')
        .any(asks_for_all);
    match (passed, verbose) {
        (true, false) => (StatusCode::OK, "ok".to_owned()),
        (true, true) => (StatusCode::OK, format!("{lines}{path} check passed\n")),
        (false, _) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{lines}{path} check failed\n"),
        ),
    }
}

fn asks_for_all(parameter: &str) -> bool {
    parameter == "verbose" || parameter.starts_with("verbose=")
}
