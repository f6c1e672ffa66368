use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header_values::HeaderValues;

/// Headers by which browsers guard users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// Whether the headers are set.
    #[serde(default)]
    pub enabled: bool,

    /// Single headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<SecurityHeaders>,

    /// Strict-Transport-Security: browsers come back by HTTPS only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,

    /// Content-Security-Policy: where a page may load from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csp: Option<Csp>,

    /// Referrer-Policy: what a browser tells about the page that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub referrer_policy: Option<String>,
}

/// Single headers by which browsers guard users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityHeaders {
    /// Whether these headers are set.
    #[serde(default)]
    pub enabled: bool,

    /// X-Frame-Options: DENY or SAMEORIGIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub x_frame_options: Option<String>,

    /// X-Content-Type-Options: nosniff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub x_content_type_options: Option<String>,

    /// X-XSS-Protection, as in 1; mode=block.
    #[serde(
        rename = "xXSSProtection",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 1024))]
    pub x_xss_protection: Option<String>,

    /// Older form of csp, in force only where that is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub content_security_policy: Option<String>,

    /// Older form of hsts, in force only where that is left out: max-age=31536000; includeSubDomains;
    /// preload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub strict_transport_security: Option<String>,

    /// Other headers.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub custom_headers: HeaderValues,
}

/// Browsers come back by HTTPS only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hsts {
    /// Whether the header Strict-Transport-Security is set.
    #[serde(default)]
    pub enabled: bool,

    /// For how many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_age: Option<i64>,

    /// True: for names below this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_sub_domains: Option<bool>,

    /// True: browsers may ship with this knowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload: Option<bool>,
}

/// Where a page may load from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Csp {
    /// Whether the header Content-Security-Policy is set.
    #[serde(default)]
    pub enabled: bool,

    /// The policy, as the header has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub policy: Option<String>,

    /// Where browsers report violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub report_uri: Option<String>,

    /// True: violations are reported and not prevented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_only: Option<bool>,
}
