use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::GoDuration;
use crate::{rules::checks, stored::Stored};

/// How gateways find out which hosts are healthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Path that is asked for by GET.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,

    /// How often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Stored<GoDuration>>,

    /// How long an answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Stored<GoDuration>>,

    /// After how many good answers in a row a host is healthy.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    pub healthy_threshold: i32,

    /// After how many bad answers in a row a host is not healthy any more.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    pub unhealthy_threshold: i32,

    /// Port that is asked. Left out: that of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,

    /// True: the standard health service of gRPC is asked, and not path.
    #[serde(rename = "useGRPC", default, skip_serializing_if = "Option::is_none")]
    pub use_grpc: Option<bool>,

    /// Service that the health service is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub grpc_service: Option<String>,
}

checks!(HealthCheck {
    interval: ".interval",
    timeout: ".timeout"
});

fn two() -> i32 {
    2
}

fn three() -> i32 {
    3
}

/// Rest for a backend that fails. Accepted, but without effect on the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// Whether the backend gets rest. Accepted, but without effect on the gateway.
    #[serde(default)]
    pub enabled: bool,

    /// After how many failures in a row.
    #[schemars(range(min = 1))]
    pub threshold: i64,

    /// For how long.
    pub timeout: Stored<GoDuration>,

    /// How many requests then try whether it is well again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub half_open_requests: Option<i64>,
}

checks!(CircuitBreaker {
    timeout: ".timeout"
});
