//! What a gateway's validation refuses: the part that concerns HTTP routes and backends, and the
//! names of all kinds.
//!
//! Each check answers with the reason alone; whose it is is said by who asks. Reasons go through the
//! fields in the order of the specification, and the first one found is the answer.

mod authentication;
mod backend;
mod limits;
mod matches;
mod redirect;
mod route;
mod tls;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::fault::Fault;
use crate::kind::Kind;
use crate::spec::{Body, Spec};

pub(crate) use backend::construct;

/// Checks one resource by itself.
pub(crate) fn resource(body: &Body) -> Result<(), String> {
    match body {
        Body::Route(http) => route::check(&http.route),
        Body::Backend(it) => backend::check(it),
        Body::Other { .. } => Ok(()),
    }
}

/// What a gateway says of a resource by itself: of a snapshot with nothing else in it.
///
/// # Errors
/// Why it would refuse the snapshot, or skip the resource because it cannot read it.
pub fn verdict(kind: Kind, json: &Bytes) -> Result<(), String> {
    let spec = Spec::read(kind, json)?;
    match spec.body() {
        Body::Route(http) => http.matcher.as_ref().map(|_| ()).map_err(String::clone)?,
        Body::Backend(backend) => construct(backend)?,
        Body::Other { .. } => {}
    }
    self::kind(kind, std::iter::once(&spec)).map_err(|fault| fault.text(true))
}

/// Checks all resources of one kind together: names, then each by itself.
pub(crate) fn kind<'a>(
    kind: Kind,
    specs: impl Iterator<Item = &'a Arc<Spec>>,
) -> Result<(), Fault> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for spec in specs {
        if spec.name().is_empty() {
            return Err(Fault::new(kind, "", "name is required"));
        }
        if !names.insert(spec.name()) {
            return Err(Fault::new(kind, spec.name(), "duplicate name"));
        }
        if let Err(reason) = spec.verdict() {
            return Err(Fault::new(kind, spec.name(), reason));
        }
    }
    Ok(())
}

/// Zero means that the field was left out, which is tolerated where this is used.
fn port(what: &str, port: i64) -> Result<(), String> {
    if (0..=65535).contains(&port) {
        Ok(())
    } else {
        Err(format!("{what} must be between 1 and 65535, not {port}"))
    }
}

fn one_of(what: &str, found: &str, allowed: &[&str]) -> Result<(), String> {
    if found.is_empty() || allowed.contains(&found) {
        Ok(())
    } else {
        Err(format!("{what} must be one of {allowed:?}, not {found:?}"))
    }
}

#[cfg(test)]
fn checked(kind: Kind, json: serde_json::Value) -> Result<(), String> {
    Spec::read(kind, &json.to_string().into())
        .unwrap()
        .verdict()
        .clone()
}
