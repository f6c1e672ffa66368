//! An HTTP route as a gateway reads it, as far as it serves or checks it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::go_duration::GoDuration;
use super::limits::{Cache, MaxSessions, RateLimit};
use super::tls::RouteTls;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) r#match: Vec<Match>,
    pub(crate) route: Vec<RouteDestination>,
    pub(crate) timeout: GoDuration,
    pub(crate) redirect: Option<Redirect>,
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) direct_response: Option<DirectResponse>,
    pub(crate) headers: HeaderManipulation,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) cache: Option<Cache>,
    pub(crate) max_sessions: Option<MaxSessions>,
    pub(crate) tls: Option<RouteTls>,
    #[serde(rename = "openAPIValidation")]
    pub(crate) open_api_validation: Option<OpenApiValidation>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Match {
    pub(crate) uri: Option<TextMatch>,
    pub(crate) methods: Vec<String>,
    pub(crate) headers: Vec<HeaderMatch>,
    pub(crate) query_params: Vec<QueryMatch>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TextMatch {
    pub(crate) exact: String,
    pub(crate) prefix: String,
    pub(crate) regex: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderMatch {
    pub(crate) name: String,
    pub(crate) exact: String,
    pub(crate) prefix: String,
    pub(crate) regex: String,
    pub(crate) present: Option<bool>,
    pub(crate) absent: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct QueryMatch {
    pub(crate) name: String,
    pub(crate) exact: String,
    pub(crate) regex: String,
    pub(crate) present: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RouteDestination {
    pub(crate) destination: Destination,
    pub(crate) weight: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Destination {
    pub(crate) host: String,
    pub(crate) port: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Redirect {
    pub(crate) uri: String,
    pub(crate) host: String,
    pub(crate) code: i64,
    pub(crate) port: i64,
    pub(crate) scheme: String,
    pub(crate) strip_query: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rewrite {
    pub(crate) uri: String,
    pub(crate) authority: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DirectResponse {
    pub(crate) status: i64,
    pub(crate) body: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderManipulation {
    pub(crate) request: HeaderOperation,
    pub(crate) response: HeaderOperation,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderOperation {
    pub(crate) set: BTreeMap<String, String>,
    pub(crate) add: BTreeMap<String, String>,
    pub(crate) remove: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct OpenApiValidation {
    pub(crate) enabled: bool,
    #[serde(rename = "specFile")]
    pub(crate) spec_file: String,
    #[serde(rename = "specURL")]
    pub(crate) spec_url: String,
    #[serde(rename = "specInline")]
    pub(crate) spec_inline: String,
}
