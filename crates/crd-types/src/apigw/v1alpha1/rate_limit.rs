use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{redis::RedisConnection, store::Store};
use crate::rules::{Rule, Ruled, checks, with_rules};

/// How many requests are let through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct RateLimit {
    /// Whether the limit is in force.
    #[serde(default)]
    pub enabled: bool,

    /// Requests a second that are let through in the long run.
    #[schemars(range(min = 1))]
    pub requests_per_second: i64,

    /// Requests that are let through at once.
    #[schemars(range(min = 1))]
    pub burst: i64,

    /// True: each client has a limit of its own. Otherwise all share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_client: Option<bool>,

    /// Where requests are counted. memory: in each gateway for itself. redis: in the server named in redis,
    /// for all gateways together.
    #[serde(default)]
    pub store: Store,

    /// The Redis server that requests are counted in. Only, and necessarily, with store redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RateLimitRedis>,
}

impl Ruled for RateLimit {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".redis",
            "self.store != 'redis' || has(self.redis)",
            "store redis needs the block redis",
            |limit| limit.store != Store::Redis || limit.redis.is_some(),
        ),
        Rule::of_field(
            ".redis",
            "self.store == 'redis' || !has(self.redis)",
            "the block redis has a use only with store redis",
            |limit| limit.store == Store::Redis || limit.redis.is_none(),
        ),
    ];
}

checks!(ruled RateLimit { redis: ".redis" });

/// A Redis server that requests are counted in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitRedis {
    /// How the server is reached.
    #[serde(flatten)]
    pub connection: RedisConnection,

    /// True: requests pass while the server is away. Otherwise they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_open: Option<bool>,
}

checks!(RateLimitRedis { connection: "" });
