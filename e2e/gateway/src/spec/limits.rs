//! Rate limits, caches and session limits, and the Redis that the first two may use.

use serde::Deserialize;

use super::go_duration::GoDuration;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RateLimit {
    pub(crate) enabled: bool,
    pub(crate) requests_per_second: i64,
    pub(crate) burst: i64,
    pub(crate) store: String,
    pub(crate) redis: Option<Redis>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Cache {
    pub(crate) enabled: bool,
    pub(crate) ttl: GoDuration,
    pub(crate) r#type: String,
    pub(crate) redis: Option<Redis>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Redis {
    pub(crate) url: String,
    pub(crate) sentinel: Option<Sentinel>,
    pub(crate) ttl_jitter: f64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Sentinel {
    pub(crate) master_name: String,
    pub(crate) sentinel_addrs: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MaxSessions {
    pub(crate) enabled: bool,
    pub(crate) max_concurrent: i64,
    pub(crate) queue_size: i64,
    pub(crate) queue_timeout: GoDuration,
}
