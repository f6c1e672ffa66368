//! Limits that are in force only where they are enabled, and caches.

use std::time::Duration;

use crd_types::apigw::v1alpha1::{Cache, MaxSessions, RateLimit};

use super::{Checked, redis, refuse, within};

pub(super) fn rate_limit(limit: Option<&RateLimit>) -> Checked {
    let Some(limit) = limit else { return Ok(()) };
    if limit.enabled {
        let per_second = limit.requests_per_second;
        within("spec.rateLimit.requestsPerSecond", per_second, 1..=i64::MAX)?;
        within("spec.rateLimit.burst", limit.burst, 1..=i64::MAX)?;
    }
    let redis = limit.redis.as_ref().map(|redis| &redis.connection);
    redis.map_or(Ok(()), |it| redis::check("spec.rateLimit.redis", it))
}

pub(super) fn cache(cache: Option<&Cache>) -> Checked {
    let Some(redis) = cache.and_then(|cache| cache.redis.as_ref()) else {
        return Ok(());
    };
    redis::check("spec.cache.redis", &redis.connection)?;
    match &redis.ttl_jitter {
        Some(jitter) if !jitter.as_f64().is_some_and(|it| (0.0..=1.0).contains(&it)) => refuse(
            "spec.cache.redis.ttlJitter",
            format!("must be 0 to 1, not {jitter}"),
        ),
        _ => Ok(()),
    }
}

pub(super) fn max_sessions(limit: Option<&MaxSessions>) -> Checked {
    let Some(limit) = limit.filter(|limit| limit.enabled) else {
        return Ok(());
    };
    let at_once = limit.max_concurrent;
    within("spec.maxSessions.maxConcurrent", at_once, 1..=i64::MAX)?;
    let queue = limit.queue_size.unwrap_or_default();
    within("spec.maxSessions.queueSize", queue, 0..=i64::MAX)?;
    let timeout = limit.queue_timeout.as_ref();
    let timeout = timeout.and_then(|timeout| timeout.parse().ok()?.length());
    if queue > 0 && timeout.unwrap_or_default() == Duration::ZERO {
        return refuse(
            "spec.maxSessions.queueTimeout",
            format!("must be longer than nothing where queueSize is above 0; it is {queue}"),
        );
    }
    Ok(())
}
