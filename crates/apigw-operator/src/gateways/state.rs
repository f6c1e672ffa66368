//! The gateways as `/debug/state` shows them.

use serde::Serialize;
use serde_json::{Value, json};

use super::{GatewayId, Gateways};
use operator_core::engines::fanout::Known;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    gateway: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    gateway_version: String,
    connected: bool,
    /// What it has; none where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    in_step: bool,
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
            let version = match &receiver.has {
                Known::Exactly(contents) => Some(contents.version()),
                Known::Nothing | Known::Something => None,
            };
            let connection = sessions.get(&receiver.session);
            let standing = connection.map(|connection| connection.standing());
            let waiting = standing.as_ref().and_then(|here| here.waiting_since);
            Shown {
                gateway: GatewayId::to_string(&id),
                gateway_version: connection.map_or_else(String::new, |here| here.version.clone()),
                connected: receiver.left.is_none(),
                version: version.map(|version| version.to_string()),
                in_step: version.is_some() && version == wanted,
                unanswered_seconds: waiting.map(|since| now.since(since).as_secs_f64()),
                silent_seconds: standing
                    .as_ref()
                    .map(|here| now.since(here.seen).as_secs_f64()),
                last_refusal: standing.and_then(|here| here.refusal),
            }
        });
        json!({
            "wanted": wanted.map(|version| version.to_string()),
            "gateways": shown.collect::<Vec<_>>(),
        })
    }
}
