use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header_values::HeaderValues;

/// An answer that sends the client to another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// Path of the new address. Left out: that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub uri: Option<String>,

    /// Host of the new address. Left out: that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub host: Option<String>,

    /// Status of the answer: 301, 302, 303, 307 or 308.
    #[serde(default)]
    pub code: RedirectCode,

    /// Port of the new address. Left out: that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,

    /// Scheme of the new address: http or https. Left out: that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RedirectScheme>,

    /// True: the query is left out of the new address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_query: Option<bool>,
}

/// Status of a redirecting answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectCode(i32);

impl RedirectCode {
    /// The codes that redirect.
    pub const ALL: [i32; 5] = [301, 302, 303, 307, 308];

    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl Default for RedirectCode {
    fn default() -> Self {
        Self(302)
    }
}

// By hand: an enum of numbers.
impl JsonSchema for RedirectCode {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedirectCode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer",
            "format": "int32",
            "enum": Self::ALL,
            "minimum": 301,
            "maximum": 308,
        })
    }
}

/// Scheme of a redirecting answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RedirectScheme {
    /// Plain HTTP.
    #[serde(rename = "http")]
    Http,
    /// HTTP over TLS.
    #[serde(rename = "https")]
    Https,
}

/// What is changed in a request before it is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rewrite {
    /// Path that takes the place of the matched one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub uri: Option<String>,

    /// Host that the request is sent for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub authority: Option<String>,
}

/// An answer of the gateway itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectResponse {
    /// HTTP status of the answer.
    #[schemars(range(min = 100, max = 599))]
    pub status: i32,

    /// Body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub body: Option<String>,

    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub headers: HeaderValues,
}
