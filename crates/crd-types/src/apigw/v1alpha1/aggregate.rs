use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    backend_auth::BackendAuth, backend_tls::BackendTls, confidential::Confidential,
    duration::GoDuration, forwarding::Destination, redis::RedisSentinel, store::Store,
    transform::MergeStrategy,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
    text::given,
};

/// One request that is sent to several destinations, whose answers become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Aggregate {
    /// Whether requests are sent to all targets.
    #[serde(default)]
    pub enabled: bool,

    /// The destinations.
    #[schemars(length(min = 1, max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub targets: Vec<AggregateTarget>,

    /// When the whole succeeds. all: every destination answers. any: one does. quorum: as many as quorumCount
    /// says.
    #[serde(default)]
    pub fail_mode: FailMode,

    /// How many destinations must answer, for failMode quorum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub quorum_count: Option<i64>,

    /// How many destinations are asked at once.
    #[serde(default = "default_parallel")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_parallel: i32,

    /// True: messages of streams are merged one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_message_merge: Option<bool>,

    /// How the answers become one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<AggregateMerge>,

    /// Where large answers are kept meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<Spool>,
}

impl Ruled for Aggregate {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".quorumCount",
            "!self.enabled || self.failMode != 'quorum' || !has(self.quorumCount) || self.quorumCount <= self.targets.size()",
            "quorumCount must not be above the number of targets",
            |aggregate| {
                let targets = i64::try_from(aggregate.targets.len()).unwrap_or(i64::MAX);
                let quorum = aggregate
                    .quorum_count
                    .filter(|_| aggregate.fail_mode == FailMode::Quorum);
                !aggregate.enabled || quorum.is_none_or(|quorum| quorum <= targets)
            },
        ),
        Rule::of_field(
            ".targets",
            "!self.enabled || self.targets.all(one, self.targets.exists_one(other, other.name == one.name))",
            "targets must have different names",
            |aggregate| {
                let names: BTreeSet<_> = aggregate
                    .targets
                    .iter()
                    .map(|target| &target.name)
                    .collect();
                !aggregate.enabled || names.len() == aggregate.targets.len()
            },
        ),
        Rule::of_field(
            ".spool",
            "!self.enabled || !has(self.spool) || !self.spool.enabled || self.spool.backend != 'redis' || (has(self.spool.redisRef) && (has(self.spool.redisRef.address) && self.spool.redisRef.address != '') != has(self.spool.redisRef.sentinel))",
            "spool backend redis needs redisRef with exactly one of address and sentinel",
            |aggregate| {
                let reachable = |redis: &SpoolRedis| {
                    given(redis.address.as_deref()) != redis.sentinel.is_some()
                };
                let spool = aggregate
                    .spool
                    .as_ref()
                    .filter(|spool| spool.enabled && spool.backend == Store::Redis);
                !aggregate.enabled
                    || spool.is_none_or(|spool| spool.redis_ref.as_ref().is_some_and(reachable))
            },
        ),
    ];
}

checks!(ruled Aggregate { targets: ".targets", spool: ".spool" });

fn default_parallel() -> i32 {
    8
}

/// When an aggregate succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailMode {
    /// Every destination answers.
    #[default]
    #[serde(rename = "all")]
    All,
    /// One destination answers.
    #[serde(rename = "any")]
    Any,
    /// So many destinations answer.
    #[serde(rename = "quorum")]
    Quorum,
}

/// One of the destinations of an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregateTarget {
    /// Name of the destination, unique within the aggregate.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Where requests go.
    pub destination: Destination,

    /// How long it may take to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Stored<GoDuration>>,

    /// How many times it is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<i32>,

    /// Encryption of connections to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<BackendTls>,

    /// How the gateway shows it who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<BackendAuth>,
}

checks!(AggregateTarget {
    timeout: ".timeout",
    authentication: ".authentication"
});

/// How answers become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregateMerge {
    /// Whether answers are merged.
    #[serde(default)]
    pub enabled: bool,

    /// deep, shallow, replace or ndjson.
    #[serde(default = "deep")]
    pub strategy: MergeStrategy,

    /// Field by which items are known to be the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub key_field: Option<String>,

    /// Field by which items are sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub time_field: Option<String>,

    /// How many items stay; 0 is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub limit: Option<i64>,
}

fn deep() -> MergeStrategy {
    MergeStrategy::Deep
}

/// Where large answers are kept until they are merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spool {
    /// Whether large answers are kept apart.
    #[serde(default)]
    pub enabled: bool,

    /// Answers above this size, in bytes, are kept there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub threshold_bytes: Option<i64>,

    /// memory or redis.
    #[serde(default)]
    pub backend: Store,

    /// How long they are kept at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Stored<GoDuration>>,

    /// The Redis server that they are kept in, for backend redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_ref: Option<SpoolRedis>,
}

checks!(Spool { ttl: ".ttl" });

/// A Redis server that answers are kept in: exactly one of address and sentinel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpoolRedis {
    /// Address of the server, host:port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub address: Option<String>,

    /// Password of the server. Readable by everybody who may read this object: prefer passwordVaultPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,

    /// Path in Vault from which the gateway reads the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub password_vault_path: Option<String>,

    /// Number of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 15))]
    pub db: Option<i32>,

    /// Sentinels that know the address of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<RedisSentinel>,
}
