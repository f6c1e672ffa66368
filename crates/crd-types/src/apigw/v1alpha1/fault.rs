use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use crate::{rules::checks, stored::Stored};

/// Faults that are put in on purpose, to see how clients bear them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Requests that are kept waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<FaultDelay>,

    /// Requests that are answered with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<FaultAbort>,
}

checks!(Fault { delay: ".delay" });

/// Requests that are kept waiting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultDelay {
    /// How long.
    pub fixed_delay: Stored<GoDuration>,

    /// How many of a hundred requests.
    #[serde(default = "all")]
    #[schemars(range(min = 0, max = 100))]
    pub percentage: i32,
}

checks!(FaultDelay {
    fixed_delay: ".fixedDelay"
});

/// Requests that are answered with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultAbort {
    /// HTTP status of the answer.
    #[schemars(range(min = 100, max = 599))]
    pub http_status: i32,

    /// How many of a hundred requests.
    #[serde(default = "all")]
    #[schemars(range(min = 0, max = 100))]
    pub percentage: i32,
}

fn all() -> i32 {
    100
}
