//! Redis servers behind sentinels.

use crd_types::apigw::v1alpha1::RedisConnection;

use super::{Checked, refuse, required};

pub(super) fn check(path: &str, redis: &RedisConnection) -> Checked {
    let Some(sentinel) = &redis.sentinel else {
        return Ok(());
    };
    required(format!("{path}.sentinel.masterName"), &sentinel.master_name)?;
    let addresses = format!("{path}.sentinel.sentinelAddrs");
    if sentinel.sentinel_addrs.is_empty() {
        return refuse(addresses, "must name at least one sentinel, as host:port");
    }
    let mut each = sentinel.sentinel_addrs.iter().enumerate();
    each.try_for_each(|(at, address)| required(format!("{addresses}[{at}]"), address))
}
