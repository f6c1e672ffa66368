use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the hosts of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendHost {
    /// Host name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub address: String,

    /// Port.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,

    /// Share of the requests, in proportion to the sum of all weights of the backend: 1 and 1 are a half
    /// each.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 0, max = 100))]
    pub weight: i32,
}

fn default_weight() -> i32 {
    1
}

/// How requests are shared out among hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// roundRobin: in turn. weighted: by weight. leastConn: to the host with the fewest connections. random:
    /// at random.
    #[serde(default)]
    pub algorithm: LoadBalancing,
}

/// How requests are shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancing {
    /// In turn.
    #[default]
    #[serde(rename = "roundRobin")]
    RoundRobin,
    /// By weight.
    #[serde(rename = "weighted")]
    Weighted,
    /// To the host with the fewest connections.
    #[serde(rename = "leastConn")]
    LeastConn,
    /// At random.
    #[serde(rename = "random")]
    Random,
}
