//! A condition, as every Kubernetes object has them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::Word;

/// One aspect of an object's state: `metav1.Condition`, in a form of which a thousand copies cost little.
///
/// It reads what that reads: an earlier operator's condition may lack a text, and a Go program writes a `null`.
///
/// Source: <https://github.com/kubernetes/apimachinery/blob/v0.33.0/pkg/apis/meta/v1/types.go>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// When `status` last changed.
    pub last_transition_time: Time,
    /// What a person is told.
    #[serde(default)]
    pub message: Word,
    /// Generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why, in one word that programs know.
    #[serde(default)]
    pub reason: Word,
    /// `True`, `False` or `Unknown`.
    #[serde(default)]
    pub status: Word,
    /// Which aspect.
    #[serde(default, rename = "type")]
    pub type_: Word,
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        v1::Condition::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        v1::Condition::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        v1::Condition::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        json!({
            "lastTransitionTime": "2026-01-02T03:04:05Z", "message": "in force", "observedGeneration": 3,
            "reason": "Reconciled", "status": "True", "type": "Ready",
        })
    }

    #[rstest]
    fn it_reads_and_writes_what_kubernetes_own_type_does(
        #[values(
            "lastTransitionTime",
            "message",
            "observedGeneration",
            "reason",
            "status",
            "type"
        )]
        field: &str,
    ) {
        let (mut null, mut absent) = (whole(), whole());
        null[field] = Value::Null;
        absent.as_object_mut().unwrap().remove(field);
        for written in [whole(), null, absent] {
            let ours = serde_json::from_value::<Condition>(written.clone());
            let theirs = serde_json::from_value::<v1::Condition>(written.clone());
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let [ours, theirs] =
                        [serde_json::to_value(&ours), serde_json::to_value(&theirs)];
                    assert_eq!(ours.unwrap(), theirs.unwrap());
                }
                (ours, theirs) => {
                    assert_eq!(
                        ours.is_ok(),
                        theirs.is_ok(),
                        "{written}: {ours:?}, {theirs:?}"
                    );
                }
            }
        }
    }
}
