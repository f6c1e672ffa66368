use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Formats of bodies, between which the gateway translates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encoding {
    /// Format of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<BodyEncoding>,

    /// Format of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<BodyEncoding>,
}

/// Format of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BodyEncoding {
    /// Media type: JSON, XML, YAML or Protocol Buffers, as in application/json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub content_type: Option<String>,
}

/// Formats of bodies at a backend. Accepted, but without effect on the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendEncoding {
    /// Format of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<BackendBodyEncoding>,

    /// Format of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<BackendBodyEncoding>,
}

/// Format of a body at a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendBodyEncoding {
    /// Media type, as in application/json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub content_type: Option<String>,

    /// How the body is compressed: gzip, deflate, br or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Compression {
    /// gzip.
    #[serde(rename = "gzip")]
    Gzip,
    /// deflate.
    #[serde(rename = "deflate")]
    Deflate,
    /// Brotli.
    #[serde(rename = "br")]
    Br,
    /// Not at all.
    #[serde(rename = "none")]
    None,
}
