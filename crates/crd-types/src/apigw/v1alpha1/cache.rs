use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{duration::GoDuration, redis::RedisCache, store::Store};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
};

/// Answers that are kept and given again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Cache {
    /// Whether answers are kept.
    #[serde(default)]
    pub enabled: bool,

    /// How long an answer is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Stored<GoDuration>>,

    /// Where answers are kept. memory: in each gateway for itself. redis: in the server named in redis, for
    /// all gateways together.
    #[serde(rename = "type", default)]
    pub store: Store,

    /// How many answers are kept at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_entries: Option<i64>,

    /// How long an answer may be given after its time, while a new one is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_while_revalidate: Option<Stored<GoDuration>>,

    /// How long an error is kept.
    #[serde(
        rename = "negativeCacheTTL",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub negative_cache_ttl: Option<Stored<GoDuration>>,

    /// True: what the header Cache-Control says goes before these settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub honor_cache_control: Option<bool>,

    /// Deprecated: use keyConfig. Accepted, but without effect on the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    pub key_components: Vec<String>,

    /// What makes two requests the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_config: Option<CacheKey>,

    /// The Redis server that answers are kept in. Only, and necessarily, with type redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisCache>,
}

impl Ruled for Cache {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".redis",
            "self.type != 'redis' || has(self.redis)",
            "type redis needs the block redis",
            |cache| cache.store != Store::Redis || cache.redis.is_some(),
        ),
        Rule::of_field(
            ".redis",
            "self.type == 'redis' || !has(self.redis)",
            "the block redis has a use only with type redis",
            |cache| cache.store == Store::Redis || cache.redis.is_none(),
        ),
    ];
}

checks!(ruled Cache { ttl: ".ttl", stale_while_revalidate: ".staleWhileRevalidate", negative_cache_ttl: ".negativeCacheTTL", redis: ".redis" });

/// What makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheKey {
    /// True: the method counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_method: Option<bool>,

    /// True: the path counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_path: Option<bool>,

    /// Parameters of the query that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub include_query_params: Vec<String>,

    /// Headers that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub include_headers: Vec<String>,

    /// True: the body counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_body_hash: Option<bool>,

    /// Template that makes the key, in place of the fields above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub key_template: Option<String>,
}
