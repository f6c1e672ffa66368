use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{headers::HeaderOperation, maps::text_map};

/// How messages are changed at a backend. Accepted, but without effect on the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendTransform {
    /// Changes to requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<BackendRequestTransform>,

    /// Changes to answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<BackendResponseTransform>,
}

/// Changes to requests at a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendRequestTransform {
    /// Template of the new body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub template: Option<String>,

    /// Changes to headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderOperation>,
}

/// Changes to answers at a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendResponseTransform {
    /// Fields that stay; all others go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(max = 1024)))]
    pub allow_fields: Vec<String>,

    /// Fields that go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(max = 1024)))]
    pub deny_fields: Vec<String>,

    /// New names of fields, by their old names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text_map")]
    pub field_mappings: BTreeMap<String, String>,

    /// Changes to headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderOperation>,
}
