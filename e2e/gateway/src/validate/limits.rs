//! Rate limits, caches and session limits.

use crate::spec::limits::{Cache, MaxSessions, RateLimit, Redis};

use super::one_of;

pub(super) fn rate_limit(it: &RateLimit) -> Result<(), String> {
    if !it.enabled {
        return Ok(());
    }
    if it.requests_per_second <= 0 {
        return Err("rateLimit.requestsPerSecond must be positive".into());
    }
    if it.burst < 1 {
        return Err("rateLimit.burst must be at least 1".into());
    }
    store("rateLimit.store", &it.store, it.redis.as_ref())
}

pub(super) fn cache(it: &Cache) -> Result<(), String> {
    if !it.enabled {
        return Ok(());
    }
    if it.ttl.is_negative() {
        return Err("cache.ttl cannot be negative".into());
    }
    store("cache.type", &it.r#type, it.redis.as_ref())?;
    let jitter = it.redis.as_ref().map_or(0.0, |redis| redis.ttl_jitter);
    if !(0.0..=1.0).contains(&jitter) {
        return Err(format!(
            "cache.redis.ttlJitter must be between 0 and 1, not {jitter}"
        ));
    }
    Ok(())
}

pub(super) fn max_sessions(it: &MaxSessions) -> Result<(), String> {
    if !it.enabled {
        Ok(())
    } else if it.max_concurrent <= 0 {
        Err("maxSessions.maxConcurrent must be positive".into())
    } else if it.queue_size < 0 {
        Err("maxSessions.queueSize cannot be negative".into())
    } else if it.queue_size > 0 && it.queue_timeout.positive().is_none() {
        Err("maxSessions.queueTimeout must be positive when queueSize is".into())
    } else {
        Ok(())
    }
}

fn store(what: &str, store: &str, redis: Option<&Redis>) -> Result<(), String> {
    one_of(what, store, &["memory", "redis"])?;
    match redis {
        None if store == "redis" => Err(format!("{what} redis needs a redis block")),
        Some(_) if store != "redis" => Err(format!("a redis block needs {what} redis")),
        None => Ok(()),
        Some(redis) => connection(redis),
    }
}

fn connection(redis: &Redis) -> Result<(), String> {
    match &redis.sentinel {
        None if redis.url.is_empty() => Err("redis needs a url or a sentinel".into()),
        None => Ok(()),
        Some(_) if !redis.url.is_empty() => {
            Err("redis: url and sentinel exclude each other".into())
        }
        Some(sentinel) if sentinel.master_name.is_empty() => {
            Err("redis.sentinel.masterName is required".into())
        }
        Some(sentinel) if sentinel.sentinel_addrs.is_empty() => {
            Err("redis.sentinel.sentinelAddrs is required".into())
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    fn route_with(field: &str, value: &Value) -> Result<(), String> {
        let route = json!({"name": "r", "redirect": {"uri": "/"}, field: value});
        checked(Kind::ApiRoute, route)
    }

    #[rstest]
    #[case("rateLimit", json!({"requestsPerSecond": 0}))]
    #[case("rateLimit", json!({"enabled": true, "requestsPerSecond": 1, "burst": 1}))]
    #[case("rateLimit", json!({"enabled": true, "requestsPerSecond": 1, "burst": 1, "store": "redis",
        "redis": {"url": "redis://x"}}))]
    #[case("rateLimit", json!({"enabled": true, "requestsPerSecond": 1, "burst": 1, "store": "redis",
        "redis": {"sentinel": {"masterName": "m", "sentinelAddrs": ["a:1"]}}}))]
    #[case("cache", json!({"enabled": true, "ttl": "5s", "type": "memory"}))]
    #[case("maxSessions", json!({"maxConcurrent": 0}))]
    #[case("maxSessions", json!({"enabled": true, "maxConcurrent": 1}))]
    fn accepted(#[case] field: &str, #[case] value: Value) {
        assert_eq!(route_with(field, &value), Ok(()));
    }

    #[rstest]
    #[case("rateLimit", json!({"requestsPerSecond": 0, "burst": 1}), "requestsPerSecond")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 0}), "burst")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "disk"}), "disk")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "redis"}), "needs a redis")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "redis": {"url": "x"}}), "block needs")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "redis", "redis": {}}), "url or")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "redis",
        "redis": {"url": "x", "sentinel": {}}}), "exclude")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "redis",
        "redis": {"sentinel": {"sentinelAddrs": ["a"]}}}), "masterName")]
    #[case("rateLimit", json!({"requestsPerSecond": 1, "burst": 1, "store": "redis",
        "redis": {"sentinel": {"masterName": "a"}}}), "sentinelAddrs")]
    #[case("cache", json!({"ttl": "-5s"}), "ttl")]
    #[case("cache", json!({"type": "disk"}), "disk")]
    #[case("cache", json!({"type": "redis", "redis": {"url": "x", "ttlJitter": 1.5}}), "ttlJitter")]
    #[case("maxSessions", json!({"maxConcurrent": 0}), "maxConcurrent")]
    #[case("maxSessions", json!({"maxConcurrent": 1, "queueSize": -1}), "queueSize")]
    #[case("maxSessions", json!({"maxConcurrent": 1, "queueSize": 1}), "queueTimeout")]
    fn refused_when_enabled(#[case] field: &str, #[case] mut value: Value, #[case] reason: &str) {
        assert_eq!(route_with(field, &value), Ok(()), "it is not enabled");
        value["enabled"] = true.into();
        let refusal = route_with(field, &value).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }
}
