use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where gateways keep what they have to remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Store {
    /// In each gateway for itself.
    #[default]
    #[serde(rename = "memory")]
    Memory,
    /// In a Redis server, for all gateways together.
    #[serde(rename = "redis")]
    Redis,
}
