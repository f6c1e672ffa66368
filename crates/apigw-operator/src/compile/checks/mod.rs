//! What gateways refuse although the kinds' own rules let it pass: fields that the schema bounds for the API
//! server alone, and what manifests always could hold.
//!
//! Source: what makes a gateway refuse a configuration, for HTTP routes and backends. What it would find by looking
//! around itself (files, Vault) is left to it.

mod actions;
mod credentials;
mod durations;
mod hosts;
mod limits;
mod matches;
mod openapi;
mod redis;
mod tls;
mod url;

use std::ops::RangeInclusive;

use crd_types::{
    apigw::v1alpha1::{APIRouteSpec, BackendSpec},
    rules::InvalidField,
};

type Checked = Result<(), InvalidField>;

/// Checks a route.
///
/// # Errors
/// The first field that a gateway would refuse.
pub fn route(spec: &APIRouteSpec) -> Checked {
    spec.check()?;
    durations::of_route(spec)?;
    matches::check(&spec.matches)?;
    actions::check(spec)?;
    limits::rate_limit(spec.rate_limit.as_deref())?;
    limits::cache(spec.cache.as_deref())?;
    limits::max_sessions(spec.max_sessions.as_deref())?;
    spec.tls.as_deref().map_or(Ok(()), tls::of_route)?;
    openapi::check(spec.openapi_validation.as_deref())
}

/// Checks a backend.
///
/// # Errors
/// The first field that a gateway would refuse.
pub fn backend(spec: &BackendSpec) -> Checked {
    spec.check()?;
    durations::of_backend(spec)?;
    hosts::check(&spec.hosts)?;
    spec.health_check.as_ref().map_or(Ok(()), hosts::health)?;
    spec.tls.as_deref().map_or(Ok(()), tls::of_backend)?;
    limits::max_sessions(spec.max_sessions.as_ref())?;
    limits::rate_limit(spec.rate_limit.as_deref())?;
    let authentication = spec.authentication.as_deref();
    authentication.map_or(Ok(()), credentials::check)
}

const PORTS: RangeInclusive<i64> = 1..=65_535;

fn refuse(path: impl Into<String>, why: impl Into<String>) -> Checked {
    Err(InvalidField::new(path, why))
}

fn required(path: impl Into<String>, text: &str) -> Checked {
    if text.is_empty() {
        return refuse(path, "must not be empty");
    }
    Ok(())
}

fn within(path: impl Into<String>, found: impl Into<i64>, allowed: RangeInclusive<i64>) -> Checked {
    let found = found.into();
    if allowed.contains(&found) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    let allowed = match most {
        i64::MAX => format!("must be {least} or more"),
        most => format!("must be {least} to {most}"),
    };
    refuse(path, format!("{allowed}, not {found}"))
}

fn given(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}
