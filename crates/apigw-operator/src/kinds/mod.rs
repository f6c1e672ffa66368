//! The kinds whose objects gateways get.

mod apiroute;
mod backend;

use std::{collections::BTreeSet, sync::Arc};

use crd_types::{
    apigw::v1alpha1::AppliedGateways,
    lifecycle::{HasLifecycle, Managed},
    rules::InvalidField,
};
use operator_core::{
    cluster::config_maps::NoText, decide::key::ObjectKey, engines::external::Annotations,
};

use crate::{
    compile::{Candidate, Destinations},
    conditions::PROGRAMMED,
    reasons::REFUSED_BY_GATEWAY,
    snapshot::Kind,
};

/// Looks up a text in a ConfigMap.
pub type Text<'a> = dyn Fn(&ObjectKey, Option<&str>) -> Result<Arc<str>, NoText> + 'a;

/// A kind whose objects gateways get.
pub trait Delivered: Managed {
    /// Which list of a snapshot they stand in.
    const KIND: Kind;
    /// What messages call one.
    const NOUN: &'static str;
    /// The finalizer that earlier operators for this kind left behind.
    const EARLIER_FINALIZER: &'static str;

    /// What gateways get of it.
    ///
    /// # Errors
    /// What a gateway would refuse, naming the field.
    fn candidate(&self, text: &Text<'_>) -> Result<Candidate, InvalidField>;

    /// The ConfigMaps that it refers to; none where the kind refers to none.
    fn config_maps(&self) -> Option<BTreeSet<ObjectKey>> {
        None
    }

    /// The destinations to look up; none where the kind has none.
    fn destinations(&self) -> Option<Destinations> {
        None
    }

    /// The addresses and ports that it stands for.
    fn hosts(&self) -> Vec<(String, i32)> {
        Vec::new()
    }

    /// The part of its status that lists gateways.
    fn gateways(status: &mut Self::Status) -> &mut AppliedGateways;

    /// Shows in the status what the kind alone shows.
    fn show(&self, _status: &mut Self::Status) {}
}

/// What the message begins with that tells a gateway's words.
const SAYS: &str = "a gateway refused it: ";

/// How a gateway's words of refusal are told.
pub fn refusal_message(words: &str) -> String {
    format!("{SAYS}{words}")
}

/// Names what the user wishes: it is another after an edit, and after a request to try again.
pub fn edition<K: Delivered>(object: &K) -> String {
    let meta = object.meta();
    let uid = meta.uid.as_deref().unwrap_or_default();
    let generation = meta.generation.unwrap_or_default();
    match Annotations::of(object).reconcile_requested_at() {
        Some(asked) => format!("{uid}/{generation}/{asked}"),
        None => format!("{uid}/{generation}"),
    }
}

/// The words with which a gateway refused this very edition, as its status keeps them over restarts, and
/// carries them to every replica.
pub fn refused_before<K: Delivered>(object: &K) -> Option<&str> {
    let lifecycle = object.status()?.lifecycle();
    let programmed = lifecycle.condition(PROGRAMMED)?;
    let of_this = programmed.reason == REFUSED_BY_GATEWAY.as_str()
        && programmed.observed_generation == object.meta().generation
        && lifecycle.last_handled_reconcile_at.as_deref()
            == Annotations::of(object).reconcile_requested_at();
    of_this.then(|| {
        let message = &*programmed.message;
        message.strip_prefix(SAYS).unwrap_or(message)
    })
}

/// Whether its status says that every gateway had this very generation.
pub fn in_force_before<K: Delivered>(object: &K) -> bool {
    object.status().is_some_and(|status| {
        let lifecycle = status.lifecycle();
        lifecycle.ready && lifecycle.observed_generation == object.meta().generation
    })
}

#[cfg(test)]
mod tests {
    use crd_types::apigw::v1alpha1::Backend;
    use serde_json::{Value, json};

    use super::*;

    fn backend(generation: i64, asked: Option<&str>, status: Value) -> Backend {
        let mut annotations = json!({});
        if let Some(asked) = asked {
            annotations["avapigw.io/reconcile-requested-at"] = json!(asked);
        }
        let object = json!({
            "apiVersion": "avapigw.io/v1alpha1", "kind": "Backend",
            "metadata": {"name": "b", "namespace": "ns", "uid": "u", "generation": generation, "annotations": annotations},
            "spec": {"hosts": [{"address": "h", "port": 80}]}, "status": status,
        });
        serde_json::from_value(object).expect("a backend")
    }

    fn refused(generation: i64, handled: Option<&str>) -> Value {
        json!({"lastHandledReconcileAt": handled, "conditions": [{
            "type": PROGRAMMED, "status": "False", "reason": REFUSED_BY_GATEWAY.as_str(), "message": refusal_message("bad host"),
            "observedGeneration": generation, "lastTransitionTime": "2026-02-05T10:30:00Z",
        }]})
    }

    #[test]
    fn a_refusal_stands_until_an_edit_or_a_request() {
        assert_eq!(
            refused_before(&backend(3, None, refused(3, None))),
            Some("bad host")
        );
        assert_eq!(refused_before(&backend(4, None, refused(3, None))), None);
        assert_eq!(
            refused_before(&backend(3, Some("now"), refused(3, None))),
            None
        );
        let again = backend(3, Some("now"), refused(3, Some("now")));
        assert_eq!(refused_before(&again), Some("bad host"));
        assert_eq!(refused_before(&backend(3, None, json!({}))), None);
    }

    #[test]
    fn an_edition_is_another_after_an_edit_and_after_a_request() {
        let editions = [
            edition(&backend(3, None, json!({}))),
            edition(&backend(4, None, json!({}))),
            edition(&backend(4, Some("now"), json!({}))),
        ];
        assert_eq!(editions, ["u/3", "u/4", "u/4/now"]);
    }
}
