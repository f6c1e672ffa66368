//! What a real gateway would break on, or silently lose. Pure.

use std::collections::BTreeSet;
use std::error::Error;
use std::iter::successors;

use apigw_protocol::{
    ConfigurationResource, ConfigurationSnapshot, ConfigurationUpdate, UpdateType,
};
use tonic::{Code, Status};

use crate::kind::Kind;
use crate::spec::Spec;
use crate::tracked::{Tracked, key};

/// What is wrong with an update, given what the gateway has. `first` is the first of its stream.
pub(crate) fn of_update(
    update: &ConfigurationUpdate,
    first: bool,
    tracked: &Tracked,
) -> Vec<String> {
    let mut found = Vec::new();
    let kind = update.r#type();
    let (version, sequence) = (&update.version, update.sequence);
    let what = format!("update {version:?} ({}, sequence {sequence})", word(update));
    if first && kind != UpdateType::FullSync {
        found.push(format!("{what}: the first of a stream must be FULL_SYNC"));
    }
    if kind != UpdateType::FullSync && sequence <= tracked.sequence() {
        let last = tracked.sequence();
        found.push(format!("{what}: dropped, not newer than sequence {last}"));
    }
    match kind {
        UpdateType::Unspecified => found.push(format!("{what}: a gateway ignores this type")),
        UpdateType::Heartbeat => {
            found.push(format!("{what}: a HEARTBEAT overwrites the last version"));
        }
        UpdateType::FullSync => match &update.snapshot {
            None => found.push(format!("{what}: has no snapshot")),
            Some(snapshot) => {
                found.extend(of_snapshot(snapshot).map(|text| format!("{what}: {text}")));
            }
        },
        UpdateType::Added | UpdateType::Modified | UpdateType::Deleted => {
            let text = match &update.resource {
                None => Some("has no resource".into()),
                Some(resource) => match Kind::of(resource) {
                    None => Some("a gateway ignores this type of resource".into()),
                    Some(_) if kind == UpdateType::Deleted => None,
                    Some(kind) => of_resource(kind, resource),
                },
            };
            found.extend(text.map(|text| format!("{what}: {text}")));
        }
    }
    found
}

/// What is wrong with a snapshot.
pub(crate) fn of_snapshot(snapshot: &ConfigurationSnapshot) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let total: usize = Kind::ALL.map(|kind| kind.list(snapshot).len()).iter().sum();
    let said = snapshot.total_resources;
    if usize::try_from(said) != Ok(total) {
        found.push(format!("total_resources is {said}, the lists hold {total}"));
    }
    for kind in Kind::ALL {
        let mut names = BTreeSet::new();
        for resource in kind.list(snapshot) {
            found.extend(of_resource(kind, resource));
            let key = key(resource);
            let name = bare(&key).to_owned();
            if names.contains(&name) {
                let word = kind.word();
                found.push(format!("{word} {name:?} is there twice (now {key:?})"));
            }
            names.insert(name);
        }
    }
    found.into_iter()
}

/// What is wrong with the id of a session, given those before.
pub(crate) fn of_session(session: &str, before: &BTreeSet<String>) -> Option<String> {
    if session.is_empty() {
        Some("the registration was answered with an empty session_id".into())
    } else if before.contains(session) {
        Some(format!("session_id {session:?} was given out before"))
    } else {
        None
    }
}

/// What the end of a call says of the operator, beside that it ended.
pub(crate) fn of_status(status: &Status) -> Option<&'static str> {
    let text = status.message();
    if text.contains("is compressed with") || text.contains("compressed-flag") {
        Some("a compressed message: the gateway has no decompressor")
    } else if too_large(status) {
        Some("a message over 4 MiB: the gateway would dial for ever")
    } else if cancelled(status) {
        Some("the stream ended with CANCELLED: the gateway listens no more")
    } else {
        None
    }
}

/// Whether a gateway takes this for the end of all streams: a status that was sent, or a reset with
/// CANCEL. A call that our own side gave up, as its connection was gone, is neither.
pub(crate) fn cancelled(status: &Status) -> bool {
    let mut causes = successors(status.source(), |cause: &&(dyn Error + 'static)| {
        (*cause).source()
    });
    let ours = |cause: &(dyn Error + 'static)| {
        let error = cause.downcast_ref::<hyper::Error>();
        error.is_some_and(hyper::Error::is_canceled)
    };
    status.code() == Code::Cancelled && !causes.any(ours)
}

/// What tonic calls OUT_OF_RANGE and gRPC's own clients RESOURCE_EXHAUSTED.
pub(crate) fn too_large(status: &Status) -> bool {
    status.code() == Code::OutOfRange && status.message().contains("message length too large")
}

/// The type of an update, as the protocol calls it.
pub(crate) fn word(update: &ConfigurationUpdate) -> &'static str {
    let name = update.r#type().as_str_name();
    name.strip_prefix("UPDATE_TYPE_").unwrap_or(name)
}

fn of_resource(kind: Kind, resource: &ConfigurationResource) -> Option<String> {
    let key = key(resource);
    let word = kind.word();
    match Spec::read(kind, &resource.spec_json) {
        Err(e) => Some(format!("{word} {key:?} cannot be decoded: {e}")),
        Ok(spec) if spec.name() != bare(&key) => {
            let name = spec.name();
            Some(format!("{word} {key:?} has the name {name:?} in its JSON"))
        }
        Ok(_) => None,
    }
}

fn bare(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apigw_protocol::ResourceType;
    use operator_core::decide::clock::Moment;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn route(namespace: &str, name: &str) -> ConfigurationResource {
        ConfigurationResource {
            r#type: ResourceType::ApiRoute.into(),
            namespace: namespace.into(),
            name: name.into(),
            spec_json: json!({"name": name}).to_string().into(),
            ..ConfigurationResource::default()
        }
    }

    fn step(kind: UpdateType, resource: Option<ConfigurationResource>) -> ConfigurationUpdate {
        ConfigurationUpdate {
            r#type: kind.into(),
            sequence: 1,
            resource,
            ..ConfigurationUpdate::default()
        }
    }

    fn sync(routes: Vec<ConfigurationResource>, total: i32) -> ConfigurationUpdate {
        ConfigurationUpdate {
            r#type: UpdateType::FullSync.into(),
            snapshot: Some(ConfigurationSnapshot {
                api_routes: routes,
                total_resources: total,
                ..ConfigurationSnapshot::default()
            }),
            ..ConfigurationUpdate::default()
        }
    }

    fn broken(mut resource: ConfigurationResource, json: &'static str) -> ConfigurationResource {
        resource.spec_json = json.into();
        resource
    }

    #[rstest]
    #[case(sync(vec![], 0), true, None)]
    #[case(sync(vec![route("a", "x"), route("b", "y")], 2), false, None)]
    #[case(sync(vec![broken(route("", "a/x"), r#"{"name":"x"}"#)], 1), false, None)]
    #[case(sync(vec![route("", "a/x")], 1), false, Some("has the name \"a/x\""))]
    #[case(step(UpdateType::Added, Some(route("a", "x"))), false, None)]
    #[case(
        step(UpdateType::Deleted, Some(broken(route("a", "x"), ""))),
        false,
        None
    )]
    #[case(sync(vec![route("a", "x"), route("b", "x")], 2), false, Some("there twice"))]
    #[case(sync(vec![route("a", "x")], 2), false, Some("total_resources is 2"))]
    #[case(sync(vec![broken(route("a", "x"), "{}")], 1), false, Some("has the name \"\""))]
    #[case(sync(vec![broken(route("a", "x"), "[]")], 1), false, Some("cannot be decoded"))]
    #[case(
        step(UpdateType::Added, Some(route("a", "x"))),
        true,
        Some("must be FULL_SYNC")
    )]
    #[case(step(UpdateType::Modified, None), false, Some("no resource"))]
    #[case(step(UpdateType::Heartbeat, None), false, Some("HEARTBEAT"))]
    #[case(step(UpdateType::Unspecified, None), false, Some("ignores this type"))]
    fn updates(
        #[case] update: ConfigurationUpdate,
        #[case] first: bool,
        #[case] violation: Option<&str>,
    ) {
        let tracked = Tracked::new(Duration::ZERO);
        let found = of_update(&update, first, &tracked);
        match violation {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(text) => assert!(found.len() == 1 && found[0].contains(text), "{found:?}"),
        }
    }

    #[test]
    fn an_update_that_is_dropped() {
        let mut tracked = Tracked::new(Duration::ZERO);
        let update = step(UpdateType::Added, Some(route("a", "x")));
        tracked.take(&update, Moment::ORIGIN);
        tracked.succeeded(&update);
        let found = of_update(&update, false, &tracked);
        assert!(
            found.len() == 1 && found[0].contains("not newer"),
            "{found:?}"
        );
    }

    #[test]
    fn sessions() {
        let before = BTreeSet::from(["a".to_owned()]);
        assert!(of_session("b", &before).is_none());
        assert!(of_session("", &before).is_some_and(|text| text.contains("empty")));
        assert!(of_session("a", &before).is_some_and(|text| text.contains("before")));
    }
}
