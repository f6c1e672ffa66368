//! Metrics, and what the operator is doing right now.

use std::sync::Arc;

use axum::{
    Router, extract,
    http::{
        HeaderMap, HeaderName,
        header::{ACCEPT, CONTENT_TYPE},
    },
    routing::get,
};
use serde_json::{Map, Value};

use crate::process::metrics::Metrics;

type Describe = Box<dyn Fn() -> Value + Send + Sync>;

/// The sections of `/debug/state`. None ever holds a secret.
#[derive(Default)]
pub struct State(Vec<(String, Describe)>);

impl State {
    /// Adds a section, described anew for each request; it must not block.
    pub fn section(
        &mut self,
        name: impl Into<String>,
        describe: impl Fn() -> Value + Send + Sync + 'static,
    ) {
        self.0.push((name.into(), Box::new(describe)));
    }

    fn describe(&self) -> Value {
        let sections = self
            .0
            .iter()
            .map(|(name, describe)| (name.clone(), describe()));
        Value::Object(sections.collect::<Map<_, _>>())
    }
}

/// `/metrics`, and `/debug/state` as a JSON object of the named sections, if it is to be shown.
pub fn metrics(metrics: Metrics, state: Option<State>) -> Router {
    let metrics = Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics);
    let Some(state) = state else { return metrics };
    let state = Router::new()
        .route("/debug/state", get(debug_state))
        .with_state(Arc::new(state));
    metrics.merge(state)
}

/// A text and the header that says what it is.
type Typed = ([(HeaderName, &'static str); 1], String);

async fn scrape(extract::State(metrics): extract::State<Metrics>, headers: HeaderMap) -> Typed {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let exposition = metrics.expose(accept);
    ([(CONTENT_TYPE, exposition.content_type)], exposition.text)
}

async fn debug_state(extract::State(state): extract::State<Arc<State>>) -> Typed {
    (
        [(CONTENT_TYPE, "application/json")],
        format!("{:#}\n", state.describe()),
    )
}
