//! A condition, as every Kubernetes object has them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::Word;

/// One aspect of an object's state: `metav1.Condition`, in a form of which a thousand copies cost little.
///
/// Source: <https://github.com/kubernetes/apimachinery/blob/v0.33.0/pkg/apis/meta/v1/types.go>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// When `status` last changed.
    pub last_transition_time: Time,
    /// What a person is told.
    pub message: Word,
    /// Generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why, in one word that programs know.
    pub reason: Word,
    /// `True`, `False` or `Unknown`.
    pub status: Word,
    /// Which aspect.
    #[serde(rename = "type")]
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
