//! Who refers to which object, and what its users know of it. No I/O.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{cluster::version::Version, decide::key::ObjectKey};

/// What was seen of an object.
#[derive(Debug)]
pub(in crate::cluster) enum Sight {
    /// It is there, in this state.
    Present(Version),
    /// It is not there, as the API server answered.
    Absent,
    /// It was deleted; it had this state before.
    Deleted(Version),
}

/// What the sight of an object is to its users.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cluster) enum News {
    /// The first that was seen of it.
    First,
    /// It is not what it was.
    Changed(BTreeSet<ObjectKey>),
}

/// References of users to objects of one kind.
#[derive(Default)]
pub(super) struct References {
    of_user: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
    objects: HashMap<ObjectKey, Referenced>,
    /// How many referenced objects each namespace holds; never zero.
    namespaces: BTreeMap<Arc<str>, usize>,
}

struct Referenced {
    users: BTreeSet<ObjectKey>,
    known: Known,
}

enum Known {
    Nothing,
    Present(Version),
    Absent,
}

impl References {
    /// From now on `user` refers to exactly `objects`.
    pub(super) fn set(&mut self, user: &ObjectKey, objects: BTreeSet<ObjectKey>) {
        let before = self.of_user.remove(user).unwrap_or_default();
        for object in before.difference(&objects) {
            self.unlink(user, object);
        }
        for object in objects.difference(&before) {
            self.link(user, object);
        }
        if !objects.is_empty() {
            self.of_user.insert(user.clone(), objects);
        }
    }

    /// Every object that somebody refers to.
    pub(super) fn objects(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.keys()
    }

    /// Who refers to an object.
    pub(super) fn users(&self, object: &ObjectKey) -> BTreeSet<ObjectKey> {
        let referenced = self.objects.get(object);
        referenced.map_or_else(BTreeSet::new, |referenced| referenced.users.clone())
    }

    /// The namespaces that hold a referenced object, and how many.
    pub(super) fn namespaces(&self) -> &BTreeMap<Arc<str>, usize> {
        &self.namespaces
    }

    /// Notes what was seen of an object; none if it is known, or of no concern to anybody.
    pub(super) fn see(&mut self, object: &ObjectKey, sight: Sight) -> Option<News> {
        let referenced = self.objects.get_mut(object)?;
        let now = match (&referenced.known, sight) {
            (Known::Present(known), Sight::Present(seen)) if seen.is_known_from(known) => {
                return None;
            }
            (Known::Present(known), Sight::Deleted(last)) if !last.ends(known) => return None,
            (Known::Absent, Sight::Absent | Sight::Deleted(_)) => return None,
            (_, Sight::Present(seen)) => Known::Present(seen),
            (_, Sight::Absent | Sight::Deleted(_)) => Known::Absent,
        };
        let before = std::mem::replace(&mut referenced.known, now);
        Some(match before {
            Known::Nothing => News::First,
            Known::Present(_) | Known::Absent => News::Changed(referenced.users.clone()),
        })
    }

    /// The same for what a read has shown. A reader that was overtaken holds what is no more, and is told so.
    pub(super) fn read(&mut self, object: &ObjectKey, sight: Sight) -> Option<News> {
        let referenced = self.objects.get(object)?;
        match (&referenced.known, &sight) {
            (Known::Present(known), Sight::Present(seen)) if seen.is_older_than(known) => {
                Some(News::Changed(referenced.users.clone()))
            }
            _ => self.see(object, sight),
        }
    }

    fn link(&mut self, user: &ObjectKey, object: &ObjectKey) {
        let referenced = self.objects.entry(object.clone()).or_insert_with(|| {
            *self.namespaces.entry(object.namespace.clone()).or_default() += 1;
            Referenced {
                users: BTreeSet::new(),
                known: Known::Nothing,
            }
        });
        referenced.users.insert(user.clone());
    }

    fn unlink(&mut self, user: &ObjectKey, object: &ObjectKey) {
        let Some(referenced) = self.objects.get_mut(object) else {
            return;
        };
        referenced.users.remove(user);
        if !referenced.users.is_empty() {
            return;
        }
        self.objects.remove(object);
        if let Some(count) = self.namespaces.get_mut(&object.namespace) {
            *count -= 1;
            if *count == 0 {
                self.namespaces.remove(&object.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn key(path: &str) -> ObjectKey {
        let (namespace, name) = path.split_once('/').unwrap();
        ObjectKey::new(namespace, name)
    }

    fn keys(paths: &[&str]) -> BTreeSet<ObjectKey> {
        paths.iter().map(|path| key(path)).collect()
    }

    fn version(uid: &str, number: u64) -> Version {
        Version::of(&ObjectMeta {
            uid: Some(uid.to_owned()),
            resource_version: Some(number.to_string()),
            ..ObjectMeta::default()
        })
    }

    fn present(uid: &str, number: u64) -> Sight {
        Sight::Present(version(uid, number))
    }

    #[test]
    fn namespaces_are_held_by_the_first_reference_and_freed_by_the_last() {
        let mut references = References::default();
        let held = |references: &References| {
            references
                .namespaces()
                .keys()
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
        };
        references.set(&key("a/one"), keys(&["a/s", "b/s"]));
        references.set(&key("a/two"), keys(&["b/s", "b/t"]));
        assert_eq!(held(&references), ["a", "b"]);
        references.set(&key("a/one"), keys(&[]));
        assert_eq!(held(&references), ["b"]);
        references.set(&key("a/two"), keys(&["b/t"]));
        assert_eq!(held(&references), ["b"]);
        references.set(&key("a/two"), keys(&[]));
        assert!(references.namespaces().is_empty());
        assert!(
            references.objects.is_empty() && references.of_user.is_empty(),
            "nothing is left behind"
        );
    }

    #[test]
    fn a_change_is_told_once_to_every_user_however_it_was_seen() {
        let mut references = References::default();
        references.set(&key("a/one"), keys(&["a/s"]));
        references.set(&key("a/two"), keys(&["a/s"]));
        assert_eq!(
            references.see(&key("a/s"), present("u", 5)),
            Some(News::First)
        );
        assert_eq!(references.see(&key("a/s"), present("u", 5)), None);
        assert_eq!(
            references.see(&key("a/s"), present("u", 6)),
            Some(News::Changed(keys(&["a/one", "a/two"])))
        );
        assert_eq!(
            references.see(&key("a/s"), present("u", 6)),
            None,
            "the watch brings it later"
        );
        assert_eq!(
            references.see(&key("a/other"), present("u", 7)),
            None,
            "nobody refers to it"
        );
    }

    #[test]
    fn appearing_and_disappearing_are_changes() {
        let mut references = References::default();
        references.set(&key("a/one"), keys(&["a/s"]));
        let changed = Some(News::Changed(keys(&["a/one"])));
        assert_eq!(
            references.see(&key("a/s"), Sight::Absent),
            Some(News::First)
        );
        assert_eq!(references.see(&key("a/s"), present("u", 5)), changed);
        assert!(
            references
                .see(&key("a/s"), Sight::Deleted(version("u", 5)))
                .is_some()
        );
        assert_eq!(references.see(&key("a/s"), Sight::Absent), None);
        assert!(references.see(&key("a/s"), present("v", 9)).is_some());
        assert!(
            references.see(&key("a/s"), Sight::Absent).is_some(),
            "a read may be first to see it"
        );
    }

    #[test]
    fn what_comes_late_is_no_news() {
        let mut references = References::default();
        references.set(&key("a/one"), keys(&["a/s"]));
        references.see(&key("a/s"), present("v", 9));
        assert_eq!(
            references.see(&key("a/s"), present("u", 5)),
            None,
            "an earlier life"
        );
        assert_eq!(
            references.see(&key("a/s"), Sight::Deleted(version("u", 5))),
            None,
            "its end"
        );
        assert!(
            references
                .see(&key("a/s"), Sight::Deleted(version("v", 9)))
                .is_some()
        );
    }

    #[test]
    fn a_reader_that_was_overtaken_is_told() {
        let mut references = References::default();
        references.set(&key("a/one"), keys(&["a/s"]));
        references.see(&key("a/s"), present("u", 6));
        let changed = Some(News::Changed(keys(&["a/one"])));
        assert_eq!(references.read(&key("a/s"), present("u", 5)), changed);
        assert_eq!(references.read(&key("a/s"), present("u", 6)), None);
        assert_eq!(references.read(&key("a/s"), Sight::Absent), changed);
    }

    #[test]
    fn what_was_let_go_and_taken_again_is_new() {
        let mut references = References::default();
        references.set(&key("a/one"), keys(&["a/s"]));
        references.see(&key("a/s"), present("u", 5));
        references.set(&key("a/one"), keys(&[]));
        references.set(&key("a/one"), keys(&["a/s"]));
        assert_eq!(
            references.see(&key("a/s"), present("u", 6)),
            Some(News::First)
        );
    }
}
