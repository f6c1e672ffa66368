use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use crate::{rules::checks, stored::Stored};

/// The largest whole number that every reader of JSON keeps exact. The gateway takes a negative limit, so the
/// schema does.
const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// How many requests are worked on at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaxSessions {
    /// Whether the limit is in force.
    #[serde(default)]
    pub enabled: bool,

    /// Requests at once.
    #[schemars(range(min = 1))]
    pub max_concurrent: i64,

    /// Requests that wait for their turn; those beyond are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub queue_size: Option<i64>,

    /// How long a request waits. Needed by the gateway where queueSize is above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_timeout: Option<Stored<GoDuration>>,
}

checks!(MaxSessions {
    queue_timeout: ".queueTimeout"
});

/// How large a request may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestLimits {
    /// Bytes of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MAX_EXACT))]
    pub max_body_size: Option<i64>,

    /// Bytes of the headers. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MAX_EXACT))]
    pub max_header_size: Option<i64>,
}
