use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{duration::GoDuration, ratio::zero_to_one, redis::RedisSentinel, store::Store};
use crate::{rules::checks, stored::Stored};

/// Reserved for caching at a backend. Accepted, but without effect on the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendCache {
    /// Whether answers would be kept. Accepted, but without effect on the gateway.
    #[serde(default)]
    pub enabled: bool,

    /// How long an answer would be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Stored<GoDuration>>,

    /// Where answers would be kept: memory or redis.
    #[serde(rename = "type", default)]
    pub store: Store,

    /// What would make two requests the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024)))]
    pub key_components: Vec<String>,

    /// How long an answer could be given after its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_while_revalidate: Option<Stored<GoDuration>>,

    /// Whether keys would be stored as hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_keys: Option<bool>,

    /// How much the lifetime of entries would vary: a part of it from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "zero_to_one")]
    pub ttl_jitter: Option<serde_json::Number>,

    /// Path in Vault of the password of Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub password_vault_path: Option<String>,

    /// Sentinels that know the address of Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<RedisSentinel>,
}

checks!(BackendCache {
    ttl: ".ttl",
    stale_while_revalidate: ".staleWhileRevalidate"
});
