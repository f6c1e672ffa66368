//! Durations that a gateway cannot read: it counts nanoseconds in 63 bits. It skips the whole object then.

use crd_types::{
    apigw::v1alpha1::{APIRouteSpec, BackendAuth, BackendSpec, GoDuration, RedisConnection},
    stored::Stored,
};

use super::{Checked, refuse};

type Duration = Option<Stored<GoDuration>>;

pub(super) fn of_route(spec: &APIRouteSpec) -> Checked {
    fits("spec.timeout", &spec.timeout)?;
    if let Some(retries) = &spec.retries {
        fits("spec.retries.perTryTimeout", &retries.per_try_timeout)?;
    }
    if let Some(delay) = spec.fault.as_ref().and_then(|fault| fault.delay.as_ref()) {
        reads("spec.fault.delay.fixedDelay", &delay.fixed_delay)?;
    }
    if let Some(limit) = &spec.rate_limit
        && let Some(server) = &limit.redis
    {
        redis("spec.rateLimit.redis", &server.connection)?;
    }
    if let Some(cache) = &spec.cache {
        fits("spec.cache.ttl", &cache.ttl)?;
        let stale = &cache.stale_while_revalidate;
        fits("spec.cache.staleWhileRevalidate", stale)?;
        fits("spec.cache.negativeCacheTTL", &cache.negative_cache_ttl)?;
        if let Some(server) = &cache.redis {
            redis("spec.cache.redis", &server.connection)?;
        }
    }
    if let Some(authorization) = &spec.authorization {
        if let Some(external) = &authorization.external {
            fits("spec.authorization.external.timeout", &external.timeout)?;
        }
        if let Some(cache) = &authorization.cache {
            fits("spec.authorization.cache.ttl", &cache.ttl)?;
            if let Some(server) = &cache.redis {
                redis("spec.authorization.cache.redis", &server.connection)?;
            }
        }
    }
    if let Some(sessions) = &spec.max_sessions {
        fits("spec.maxSessions.queueTimeout", &sessions.queue_timeout)?;
    }
    if let Some(aggregate) = &spec.aggregate {
        for (at, target) in aggregate.targets.iter().enumerate() {
            let path = format!("spec.aggregate.targets[{at}]");
            fits(&format!("{path}.timeout"), &target.timeout)?;
            let authentication = target.authentication.as_ref();
            token(&format!("{path}.authentication"), authentication)?;
        }
        if let Some(spool) = &aggregate.spool {
            fits("spec.aggregate.spool.ttl", &spool.ttl)?;
        }
    }
    Ok(())
}

pub(super) fn of_backend(spec: &BackendSpec) -> Checked {
    if let Some(health) = &spec.health_check {
        fits("spec.healthCheck.interval", &health.interval)?;
        fits("spec.healthCheck.timeout", &health.timeout)?;
    }
    if let Some(breaker) = &spec.circuit_breaker {
        reads("spec.circuitBreaker.timeout", &breaker.timeout)?;
    }
    token("spec.authentication", spec.authentication.as_deref())?;
    if let Some(sessions) = &spec.max_sessions {
        fits("spec.maxSessions.queueTimeout", &sessions.queue_timeout)?;
    }
    if let Some(limit) = &spec.rate_limit
        && let Some(server) = &limit.redis
    {
        redis("spec.rateLimit.redis", &server.connection)?;
    }
    if let Some(cache) = &spec.cache {
        fits("spec.cache.ttl", &cache.ttl)?;
        let stale = &cache.stale_while_revalidate;
        fits("spec.cache.staleWhileRevalidate", stale)?;
    }
    Ok(())
}

fn redis(path: &str, redis: &RedisConnection) -> Checked {
    fits(&format!("{path}.connectTimeout"), &redis.connect_timeout)?;
    fits(&format!("{path}.readTimeout"), &redis.read_timeout)?;
    fits(&format!("{path}.writeTimeout"), &redis.write_timeout)?;
    let Some(retry) = &redis.retry else {
        return Ok(());
    };
    let first = &retry.initial_backoff;
    fits(&format!("{path}.retry.initialBackoff"), first)?;
    fits(&format!("{path}.retry.maxBackoff"), &retry.max_backoff)
}

fn token(path: &str, authentication: Option<&BackendAuth>) -> Checked {
    let jwt = authentication.and_then(|authentication| authentication.jwt.as_ref());
    let Some(oidc) = jwt.and_then(|jwt| jwt.oidc.as_ref()) else {
        return Ok(());
    };
    let path = format!("{path}.jwt.oidc.tokenCacheTTL");
    fits(&path, &oidc.token_cache_ttl)
}

fn fits(path: &str, duration: &Duration) -> Checked {
    duration
        .as_ref()
        .map_or(Ok(()), |duration| reads(path, duration))
}

fn reads(path: &str, duration: &Stored<GoDuration>) -> Checked {
    if duration.parse_at(path)?.length().is_some() {
        return Ok(());
    }
    refuse(
        path,
        format!(
            "{:?} is longer than a gateway can count: at most some 292 years, 2562047h",
            duration.as_str()
        ),
    )
}
