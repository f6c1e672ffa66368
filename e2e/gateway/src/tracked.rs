//! What the gateway believes to have: its tracked resources, last version and last sequence, and
//! the rules by which an update changes them. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apigw_protocol::{
    ConfigurationResource, ConfigurationSnapshot, ConfigurationUpdate, UpdateType,
};
use operator_core::decide::clock::Moment;
use serde::Serialize;

use crate::kind::Kind;
use crate::spec::Spec;

type List = BTreeMap<Arc<str>, Arc<Spec>>;

/// Why a snapshot is acknowledged as a success although nothing of it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Guard {
    /// It is empty, and the gateway has something.
    Empty,
    /// It is smaller than what the gateway has, soon after a registration.
    Shrunk,
}

/// What an update asks for, once the tracked resources were changed by it.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    /// Not newer than the last one: no acknowledgement.
    Dropped,
    /// Acknowledged without any work.
    Nothing,
    /// Acknowledged, and silently ignored.
    Swallowed(Guard),
    /// Cannot be decoded.
    Refused(String),
    /// Everything is to be applied. `unread` resources were left out because they cannot be decoded.
    ApplyAll {
        unread: Vec<String>,
        identical: bool,
    },
    /// One subsystem is to be reloaded.
    Reload(Kind),
}

/// The tracked resources; they survive reconnects.
pub(crate) struct Tracked {
    lists: BTreeMap<Kind, List>,
    version: String,
    sequence: i64,
    /// How long after a registration smaller snapshots are ignored.
    window: Duration,
    registered: Option<Moment>,
}

impl Tracked {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            lists: Kind::ALL.map(|kind| (kind, List::new())).into(),
            version: String::new(),
            sequence: 0,
            window,
            registered: None,
        }
    }

    /// A registration was successful: the window opens.
    pub(crate) fn registered(&mut self, now: Moment) {
        self.registered = Some(now);
    }

    /// The version of the last update that was processed without an error.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The sequence of that update.
    pub(crate) fn sequence(&self) -> i64 {
        self.sequence
    }

    /// All resources of one kind, in the order of their keys.
    pub(crate) fn list(&self, kind: Kind) -> &List {
        &self.lists[&kind]
    }

    /// How many resources of all kinds there are.
    pub(crate) fn count(&self) -> usize {
        self.lists.values().map(List::len).sum()
    }

    /// Changes the tracked resources as the update says. They stay changed even when applying them
    /// then fails.
    pub(crate) fn take(&mut self, update: &ConfigurationUpdate, now: Moment) -> Taken {
        let kind = update.r#type();
        if kind == UpdateType::FullSync {
            let snapshot = update.snapshot.as_ref();
            return snapshot.map_or(Taken::Nothing, |snapshot| self.replace(snapshot, now));
        }
        if update.sequence <= self.sequence {
            return Taken::Dropped;
        }
        let resource = update.resource.as_ref();
        let Some((resource, list)) = resource.and_then(|it| Some((it, Kind::of(it)?))) else {
            return Taken::Nothing;
        };
        match kind {
            UpdateType::Added | UpdateType::Modified => self.upsert(list, resource),
            UpdateType::Deleted => {
                self.lists.entry(list).or_default().remove(&*key(resource));
                Taken::Reload(list)
            }
            UpdateType::Heartbeat | UpdateType::Unspecified | UpdateType::FullSync => {
                Taken::Nothing
            }
        }
    }

    /// The update was processed without an error.
    pub(crate) fn succeeded(&mut self, update: &ConfigurationUpdate) {
        self.version.clone_from(&update.version);
        self.sequence = update.sequence;
    }

    /// Takes a whole snapshot, unless a guard holds.
    pub(crate) fn replace(&mut self, snapshot: &ConfigurationSnapshot, now: Moment) -> Taken {
        if let Some(guard) = self.guard(snapshot, now) {
            return Taken::Swallowed(guard);
        }
        let mut unread = Vec::new();
        let mut read = |kind: Kind| {
            let mut list = List::new();
            for resource in kind.list(snapshot) {
                match Spec::read(kind, &resource.spec_json) {
                    Ok(spec) => drop(list.insert(key(resource), spec)),
                    Err(e) => unread.push(undecodable(kind, resource, &e)),
                }
            }
            (kind, list)
        };
        let lists: BTreeMap<Kind, List> = Kind::ALL.map(&mut read).into();
        let identical = lists.iter().all(|(kind, list)| {
            // Equal bytes are one value.
            let same = |((a, x), (b, y)): ((_, &Arc<Spec>), (_, &Arc<Spec>))| {
                let (a, b): (&Arc<str>, &Arc<str>) = (a, b);
                a == b && Arc::ptr_eq(x, y)
            };
            let had = &self.lists[kind];
            had.len() == list.len() && had.iter().zip(list).all(same)
        });
        self.lists = lists;
        Taken::ApplyAll { unread, identical }
    }

    fn guard(&self, snapshot: &ConfigurationSnapshot, now: Moment) -> Option<Guard> {
        let total: usize = Kind::ALL.map(|kind| kind.list(snapshot).len()).iter().sum();
        let tracked = self.count();
        let open = self
            .registered
            .is_some_and(|at| now.since(at) <= self.window);
        if total == 0 && tracked > 0 {
            Some(Guard::Empty)
        } else if total < tracked && open {
            Some(Guard::Shrunk)
        } else {
            None
        }
    }

    fn upsert(&mut self, kind: Kind, resource: &ConfigurationResource) -> Taken {
        match Spec::read(kind, &resource.spec_json) {
            Ok(spec) => {
                let list = self.lists.entry(kind).or_default();
                list.insert(key(resource), spec);
                Taken::Reload(kind)
            }
            Err(e) => Taken::Refused(undecodable(kind, resource, &e)),
        }
    }
}

/// What a resource is addressed by. Requests are routed by another name, that inside the JSON.
pub(crate) fn key(resource: &ConfigurationResource) -> Arc<str> {
    if resource.namespace.is_empty() {
        Arc::from(resource.name.as_str())
    } else {
        format!("{}/{}", resource.namespace, resource.name).into()
    }
}

fn undecodable(kind: Kind, resource: &ConfigurationResource, error: &str) -> String {
    let (word, key) = (kind.word(), key(resource));
    format!("failed to decode {word} {key:?}: json: {error}")
}

#[cfg(test)]
mod tests {
    use apigw_protocol::ResourceType;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn backend(name: &str) -> ConfigurationResource {
        ConfigurationResource {
            r#type: ResourceType::Backend.into(),
            namespace: "ns".into(),
            name: name.into(),
            spec_json: json!({"name": name, "hosts": []}).to_string().into(),
            ..ConfigurationResource::default()
        }
    }

    fn sync(names: &[&str], sequence: i64) -> ConfigurationUpdate {
        ConfigurationUpdate {
            r#type: UpdateType::FullSync.into(),
            version: format!("sync-{sequence}"),
            snapshot: Some(ConfigurationSnapshot {
                backends: names.iter().map(|name| backend(name)).collect(),
                ..ConfigurationSnapshot::default()
            }),
            sequence,
            ..ConfigurationUpdate::default()
        }
    }

    fn step(kind: UpdateType, name: &str, sequence: i64) -> ConfigurationUpdate {
        ConfigurationUpdate {
            r#type: kind.into(),
            version: format!("step-{sequence}"),
            resource: Some(backend(name)),
            sequence,
            ..ConfigurationUpdate::default()
        }
    }

    fn all(identical: bool) -> Taken {
        Taken::ApplyAll {
            unread: vec![],
            identical,
        }
    }

    /// Takes an update, as one that is then applied without an error.
    fn take(tracked: &mut Tracked, update: &ConfigurationUpdate, now: u64) -> Taken {
        let taken = tracked.take(update, at(now));
        tracked.succeeded(update);
        taken
    }

    fn having(names: &[&str]) -> Tracked {
        let mut tracked = Tracked::new(WINDOW);
        tracked.registered(at(0));
        assert_eq!(
            take(&mut tracked, &sync(names, 0), 0),
            all(names.is_empty())
        );
        tracked
    }

    fn keys(tracked: &Tracked) -> Vec<&str> {
        let list = tracked.list(Kind::Backend);
        list.keys().map(|key| &**key).collect()
    }

    #[rstest]
    #[case(&["a"], 30, Taken::Swallowed(Guard::Shrunk))]
    #[case(&["a"], 31, all(false))]
    #[case(&["c", "d"], 1, all(false))]
    #[case(&["a", "b"], 1, all(true))]
    #[case(&[], 1, Taken::Swallowed(Guard::Empty))]
    #[case(&[], 1000, Taken::Swallowed(Guard::Empty))]
    fn guards(#[case] names: &[&str], #[case] now: u64, #[case] expected: Taken) {
        let mut tracked = having(&["a", "b"]);
        let update = sync(names, 0);
        assert_eq!(tracked.take(&update, at(now)), expected);
        if matches!(expected, Taken::Swallowed(_)) {
            assert_eq!(keys(&tracked), ["ns/a", "ns/b"]);
        }
    }

    #[test]
    fn a_new_registration_opens_the_window_again() {
        let mut tracked = having(&["a", "b"]);
        tracked.registered(at(100));
        let smaller = sync(&["a"], 0);
        assert_eq!(
            tracked.take(&smaller, at(130)),
            Taken::Swallowed(Guard::Shrunk)
        );
        assert_eq!(tracked.take(&smaller, at(131)), all(false));
    }

    #[test]
    fn an_empty_gateway_takes_an_empty_snapshot() {
        having(&[]);
    }

    #[test]
    fn a_step_that_is_not_newer_is_dropped() {
        let mut tracked = having(&["a"]);
        let first = step(UpdateType::Added, "b", 5);
        assert_eq!(take(&mut tracked, &first, 1), Taken::Reload(Kind::Backend));
        for old in [4, 5] {
            let late = step(UpdateType::Deleted, "a", old);
            assert_eq!(tracked.take(&late, at(1)), Taken::Dropped);
        }
        assert_eq!(keys(&tracked), ["ns/a", "ns/b"]);
        assert_eq!((tracked.version(), tracked.sequence()), ("step-5", 5));
    }

    #[test]
    fn a_full_sync_is_taken_whatever_its_sequence_and_sets_it() {
        let mut tracked = having(&["a"]);
        take(&mut tracked, &step(UpdateType::Added, "b", 5), 1);
        assert_eq!(take(&mut tracked, &sync(&["a", "b"], 0), 1), all(true));
        assert_eq!(tracked.sequence(), 0);
    }

    #[test]
    fn deletions_pass_the_guards() {
        let mut tracked = having(&["a"]);
        let last = step(UpdateType::Deleted, "a", 1);
        assert_eq!(take(&mut tracked, &last, 1), Taken::Reload(Kind::Backend));
        assert_eq!(tracked.count(), 0);
        let unknown = step(UpdateType::Deleted, "z", 2);
        assert_eq!(
            take(&mut tracked, &unknown, 1),
            Taken::Reload(Kind::Backend)
        );
    }

    #[test]
    fn a_refused_update_moves_neither_version_nor_sequence() {
        let mut tracked = having(&["a"]);
        let mut broken = step(UpdateType::Modified, "a", 1);
        if let Some(resource) = &mut broken.resource {
            resource.spec_json = "{".into();
        }
        let taken = tracked.take(&broken, at(1));
        assert!(
            matches!(&taken, Taken::Refused(text) if text.contains("ns/a")),
            "{taken:?}"
        );
        assert_eq!((tracked.version(), tracked.sequence()), ("sync-0", 0));
        let again = step(UpdateType::Modified, "a", 1);
        assert_eq!(tracked.take(&again, at(1)), Taken::Reload(Kind::Backend));
    }

    #[test]
    fn what_cannot_be_decoded_is_left_out_of_a_snapshot() {
        let mut tracked = Tracked::new(WINDOW);
        let mut update = sync(&["a", "b"], 0);
        if let Some(snapshot) = &mut update.snapshot {
            snapshot.backends[0].spec_json = r#"{"hosts":"x"}"#.into();
        }
        let taken = tracked.take(&update, at(0));
        let Taken::ApplyAll { unread, .. } = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(unread.len(), 1);
        assert!(unread[0].contains("ns/a"), "{unread:?}");
        assert_eq!(keys(&tracked), ["ns/b"]);
        // The guard compares the list's length with what is tracked.
        tracked.registered(at(0));
        assert_eq!(tracked.take(&sync(&["b"], 0), at(0)), all(true));
    }

    #[test]
    fn a_heartbeat_overwrites_version_and_sequence() {
        let mut tracked = having(&["a"]);
        let mut beat = step(UpdateType::Heartbeat, "a", 9);
        beat.resource = None;
        assert_eq!(take(&mut tracked, &beat, 1), Taken::Nothing);
        assert_eq!((tracked.version(), tracked.sequence()), ("step-9", 9));
    }

    #[test]
    fn what_a_gateway_does_not_know_is_ignored() {
        let mut tracked = having(&["a"]);
        let mut no_resource = step(UpdateType::Added, "a", 1);
        no_resource.resource = None;
        assert_eq!(take(&mut tracked, &no_resource, 1), Taken::Nothing);
        let mut unknown = step(UpdateType::Added, "b", 2);
        if let Some(resource) = &mut unknown.resource {
            resource.r#type = 77;
        }
        assert_eq!(take(&mut tracked, &unknown, 1), Taken::Nothing);
        let mut no_snapshot = sync(&[], 0);
        no_snapshot.snapshot = None;
        assert_eq!(take(&mut tracked, &no_snapshot, 1), Taken::Nothing);
        assert_eq!(keys(&tracked), ["ns/a"]);
    }

    #[test]
    fn both_ways_to_write_a_key_are_one() {
        let joined = ConfigurationResource {
            name: "ns/a".into(),
            ..ConfigurationResource::default()
        };
        assert_eq!(key(&joined), key(&backend("a")));
    }
}
