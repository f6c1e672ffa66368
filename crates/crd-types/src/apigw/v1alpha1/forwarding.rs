use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use crate::{rules::checks, stored::Stored};

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// Name of a Backend, or the address of one of its hosts, or any host that the gateways can reach. The
    /// gateway looks for a Backend of this name first, then for one with this host and port, and dials the
    /// host in plain HTTP if there is neither.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,

    /// Port of the host; of no meaning where host names a Backend.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
}

/// One of the places among which requests are shared out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteDestination {
    /// Where requests go.
    pub destination: Destination,

    /// Share of the requests, in proportion to the sum of all weights of the route: 100 and 100 are a half
    /// each. A destination of weight 0 gets none while another has more; if all are 0 the shares are equal.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 0, max = 100))]
    pub weight: i32,
}

fn default_weight() -> i32 {
    100
}

/// When and how often a failed request is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// How many times a request is tried again.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: i32,

    /// How long each attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Stored<GoDuration>>,

    /// What counts as failed, separated by commas: 5xx, reset, connect-failure, retriable-4xx,
    /// refused-stream, retriable-status-codes, retriable-headers, gateway-error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub retry_on: Option<String>,
}

checks!(RetryPolicy {
    per_try_timeout: ".perTryTimeout"
});

fn default_attempts() -> i32 {
    3
}

/// A copy of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// Where the copies go.
    pub destination: Destination,

    /// How many of a hundred requests are copied.
    #[serde(default = "default_percentage")]
    #[schemars(range(min = 0, max = 100))]
    pub percentage: i32,
}

fn default_percentage() -> i32 {
    100
}
