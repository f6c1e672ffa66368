use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    duration::GoDuration,
    redis::{RedisCache, RedisSentinel},
    store::Store,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
};

/// Decisions that are remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct AuthorizationCache {
    /// Whether decisions are remembered.
    #[serde(default)]
    pub enabled: bool,

    /// How long a decision is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Stored<GoDuration>>,

    /// How many decisions are remembered at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_size: Option<i64>,

    /// Where decisions are remembered: memory (in each gateway for itself) or redis.
    #[serde(rename = "type", default)]
    pub store: Store,

    /// The Redis server that remembers. Only with type redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisCache>,

    /// Deprecated: use redis.sentinel. Only with type redis, and not together with redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<RedisSentinel>,
}

impl Ruled for AuthorizationCache {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".redis",
            "!self.enabled || self.type == 'redis' || !has(self.redis)",
            "the block redis has a use only with type redis",
            |cache| !cache.enabled || cache.store == Store::Redis || cache.redis.is_none(),
        ),
        Rule::of_field(
            ".sentinel",
            "!self.enabled || self.type == 'redis' || !has(self.sentinel)",
            "the block sentinel has a use only with type redis",
            |cache| !cache.enabled || cache.store == Store::Redis || cache.sentinel.is_none(),
        ),
        Rule::of_field(
            ".sentinel",
            "!self.enabled || !has(self.redis) || !has(self.sentinel)",
            "redis and sentinel exclude each other: use redis.sentinel",
            |cache| !cache.enabled || cache.redis.is_none() || cache.sentinel.is_none(),
        ),
    ];
}

checks!(ruled AuthorizationCache { ttl: ".ttl", redis: ".redis" });
