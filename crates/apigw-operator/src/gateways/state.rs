//! The gateways as `/debug/state` shows them.

use serde::Serialize;
use serde_json::{Value, json};

use super::{GatewayId, Gateways};
use operator_core::{decide::clock::Moment, engines::fanout::Known};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    gateway: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    gateway_version: String,
    connected: bool,
    /// What it had when it last answered; none where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    in_step: bool,
    /// For how long it has not had for certain all that it must have; told of gateways of this replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<f64>,
    /// For how long an update waits for its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refusal: Option<String>,
}

impl Gateways {
    /// Every gateway that this replica knows of, with what it has and how far it lags behind; those of other
    /// replicas where this one leads.
    pub fn shown(&self) -> Value {
        let now = self.clock.now();
        let wanted = self.planner.current();
        let wanted = wanted.map(|plan| plan.snapshot.version());
        let sessions = self.state.lock().sessions.clone();
        let shown = self.board.receivers().into_iter().map(|(id, receiver)| {
            let connection = sessions.get(&receiver.session);
            let standing = connection.map(|connection| connection.standing());
            let version = match (&standing, &receiver.has) {
                (Some(here), _) => here.has,
                (None, Known::Exactly(contents)) => Some(contents.version()),
                (None, Known::Nothing | Known::Something) => None,
            };
            let age = |since: Moment| now.since(since).as_secs_f64();
            let here = standing.as_ref();
            Shown {
                gateway: GatewayId::to_string(&id),
                gateway_version: connection.map_or_else(String::new, |here| here.version.clone()),
                connected: receiver.left.is_none(),
                version: version.map(|version| version.to_string()),
                in_step: version.is_some() && version == wanted,
                lag_seconds: here.map(|here| here.behind_since.map_or(0.0, age)),
                unanswered_seconds: here.and_then(|here| here.waiting_since).map(age),
                silent_seconds: here.map(|here| age(here.seen)),
                last_refusal: standing.and_then(|here| here.refusal),
            }
        });
        json!({
            "wanted": wanted.map(|version| version.to_string()),
            "gateways": shown.collect::<Vec<_>>(),
        })
    }
}
