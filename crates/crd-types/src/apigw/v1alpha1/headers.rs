use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header_values::HeaderValues;

/// Changes to headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderManipulation {
    /// Changes to the headers of the request, before it is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOperation>,

    /// Changes to the headers of the answer, before it goes to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<HeaderOperation>,
}

/// Changes to the headers of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderOperation {
    /// Headers that get this value, whatever they had.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub set: HeaderValues,

    /// Values that are added to those that a header has.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub add: HeaderValues,

    /// Names of headers that are taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub remove: Vec<String>,
}
