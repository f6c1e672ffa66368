use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    confidential::Confidential, duration::GoDuration, ratio::zero_to_one, tls::TlsVersion,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
    text::given,
};

/// How a Redis server is reached: exactly one of url and sentinel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct RedisConnection {
    /// Address of the server, as in redis://host:6379/0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Confidential>,

    /// Sentinels that know the address of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<RedisSentinel>,

    /// How many connections are kept at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub pool_size: Option<i64>,

    /// How long connecting may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Stored<GoDuration>>,

    /// How long reading an answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_timeout: Option<Stored<GoDuration>>,

    /// How long writing a request may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<Stored<GoDuration>>,

    /// What every key begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub key_prefix: Option<String>,

    /// Encryption of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RedisTls>,

    /// How often a failed command is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RedisRetry>,

    /// Path in Vault from which the gateway reads the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub password_vault_path: Option<String>,
}

impl Ruled for RedisConnection {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "(has(self.url) && self.url != '') != has(self.sentinel)",
        "give exactly one of url and sentinel",
        |redis| redis.url.as_ref().is_some_and(|url| !url.is_empty()) != redis.sentinel.is_some(),
    )];
}

checks!(ruled RedisConnection { connect_timeout: ".connectTimeout", read_timeout: ".readTimeout", write_timeout: ".writeTimeout", tls: ".tls", retry: ".retry" });

/// Sentinels that know the address of a Redis server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisSentinel {
    /// Name under which the sentinels know the server.
    #[schemars(length(min = 1, max = 253))]
    pub master_name: String,

    /// Addresses of the sentinels, each host:port.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 253)))]
    pub sentinel_addrs: Vec<String>,

    /// Password of the server. Readable by everybody who may read this object: prefer passwordVaultPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,

    /// Password of the sentinels. Readable by everybody who may read this object: prefer
    /// sentinelPasswordVaultPath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel_password: Option<Confidential>,

    /// Number of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 15))]
    pub db: Option<i32>,

    /// Path in Vault from which the gateway reads the password of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub password_vault_path: Option<String>,

    /// Path in Vault from which the gateway reads the password of the sentinels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub sentinel_password_vault_path: Option<String>,
}

/// Encryption of a connection to Redis. Paths are of files on the gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct RedisTls {
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub enabled: bool,

    /// Certificates that the server is verified by. Left out: those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub ca_file: Option<String>,

    /// Certificate of the gateway. Only together with keyFile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub cert_file: Option<String>,

    /// Key of that certificate. Only together with certFile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub key_file: Option<String>,

    /// True: the server is not verified, so anybody can play it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,

    /// Oldest version of TLS: TLS12 or TLS13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,

    /// Newest version of TLS: TLS12 or TLS13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
}

impl Ruled for RedisTls {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "(has(self.certFile) && self.certFile != '') == (has(self.keyFile) && self.keyFile != '')",
        "certFile and keyFile go together: give both or neither",
        |tls| given(tls.cert_file.as_deref()) == given(tls.key_file.as_deref()),
    )];
}

checks!(ruled RedisTls {});

/// How often a failed command is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisRetry {
    /// How many times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_retries: Option<i64>,

    /// How long to wait before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_backoff: Option<Stored<GoDuration>>,

    /// How long to wait at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_backoff: Option<Stored<GoDuration>>,
}

checks!(RedisRetry {
    initial_backoff: ".initialBackoff",
    max_backoff: ".maxBackoff"
});

/// A Redis server that answers are cached in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisCache {
    /// How the server is reached.
    #[serde(flatten)]
    pub connection: RedisConnection,

    /// How much the lifetime of entries varies, so that they do not all end at once: a part of the lifetime
    /// from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "zero_to_one")]
    pub ttl_jitter: Option<serde_json::Number>,

    /// True: keys are stored as hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_keys: Option<bool>,
}

checks!(RedisCache { connection: "" });
