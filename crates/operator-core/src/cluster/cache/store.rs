//! What is known of the objects of one kind, and what each piece of news changes. No I/O.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Change, Unreadable,
    packed::{Fresh, Kept},
};
use crate::{
    cluster::{readable::Unread, version::Version},
    decide::key::ObjectKey,
};

/// A piece of news: an object as it was read, or why it could not be.
pub(super) enum News<S> {
    Readable(Fresh<S>),
    Unreadable(Unread),
}

/// The objects of one kind.
pub(super) struct Store<S> {
    readable: HashMap<ObjectKey, Entry<S>>,
    unreadable: HashMap<ObjectKey, Version>,
    /// The newest state that the watch has shown of any object.
    shown: Option<Version>,
    /// How many lists were complete.
    lists: u64,
}

struct Entry<S> {
    version: Version,
    kept: Kept<S>,
}

/// What a piece of news changed, as it is told to observers, in order.
pub(super) enum Effect<S> {
    Added(Arc<S>),
    Updated { old: Kept<S>, new: Arc<S> },
    Deleted(Kept<S>),
    Unreadable(Unreadable),
    UnreadableGone,
}

impl<S> Effect<S> {
    pub(super) fn tell(&self, observer: impl Fn(&Change<'_, S>)) {
        match self {
            Self::Added(new) => observer(&Change::Added(new)),
            Self::Updated { old, new } => observer(&Change::Updated {
                old: &old.open(),
                new,
            }),
            Self::Deleted(old) => observer(&Change::Deleted(&old.open())),
            Self::Unreadable(unreadable) => observer(&Change::Unreadable(unreadable)),
            Self::UnreadableGone => observer(&Change::UnreadableGone),
        }
    }
}

impl<S> Default for Store<S> {
    fn default() -> Self {
        Self {
            readable: HashMap::new(),
            unreadable: HashMap::new(),
            shown: None,
            lists: 0,
        }
    }
}

impl<S> Store<S> {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<S>> {
        self.readable.get(key).map(|entry| entry.kept.open())
    }

    /// The UID of the object of this name, if it can be read.
    pub(super) fn uid(&self, key: &ObjectKey) -> Option<&Arc<str>> {
        self.readable.get(key).map(|entry| entry.version.uid())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.readable.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.readable.len()
    }

    pub(super) fn unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// The watch shows this state of an object: whether it is worth to be read and [`put`](Self::put).
    pub(super) fn is_news(&mut self, key: &ObjectKey, version: &Version) -> bool {
        self.show(version);
        !self
            .version(key)
            .is_some_and(|known| version.is_known_from(known))
    }

    /// An object is in this state.
    pub(super) fn put(
        &mut self,
        key: &ObjectKey,
        version: Version,
        news: News<S>,
    ) -> Vec<Effect<S>> {
        if !self.is_news(key, &version) {
            return Vec::new();
        }
        match news {
            News::Readable(Fresh { object, kept }) => {
                self.unreadable.remove(key);
                let entry = Entry {
                    version: version.clone(),
                    kept,
                };
                match self.readable.insert(key.clone(), entry) {
                    None => vec![Effect::Added(object)],
                    Some(old) if version.is_same_life_as(&old.version) => {
                        vec![Effect::Updated {
                            old: old.kept,
                            new: object,
                        }]
                    }
                    Some(old) => vec![Effect::Deleted(old.kept), Effect::Added(object)],
                }
            }
            News::Unreadable(unread) => {
                let uid = version.uid().clone();
                let old = self
                    .readable
                    .remove(key)
                    .map(|old| Effect::Deleted(old.kept));
                self.unreadable.insert(key.clone(), version);
                old.into_iter()
                    .chain([Effect::Unreadable(Unreadable {
                        uid,
                        generation: unread.generation,
                        error: unread.error,
                        held_by: unread.held_by,
                    })])
                    .collect()
            }
        }
    }

    /// The object that had this state when it was deleted is gone.
    pub(super) fn delete(&mut self, key: &ObjectKey, version: &Version) -> Option<Effect<S>> {
        self.show(version);
        let known = self.version(key)?;
        if version.ends(known) {
            self.forget(key)
        } else {
            None
        }
    }

    /// A complete list of the objects of `namespace` (of all if `None`) holds only `listed`.
    pub(super) fn retain(
        &mut self,
        namespace: Option<&str>,
        listed: &HashSet<ObjectKey>,
    ) -> Vec<(ObjectKey, Effect<S>)> {
        self.lists += 1;
        let vanished: Vec<_> = (self.readable.keys().chain(self.unreadable.keys()))
            .filter(|key| namespace.is_none_or(|namespace| *key.namespace == *namespace))
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect();
        vanished
            .into_iter()
            .filter_map(|key| self.forget(&key).map(|effect| (key, effect)))
            .collect()
    }

    /// Our own write left the object in this state: news only if that very object is known and older.
    pub(super) fn confirm(
        &mut self,
        key: &ObjectKey,
        version: Version,
        Fresh { object, kept }: Fresh<S>,
    ) -> Option<Effect<S>> {
        let entry = self.readable.get_mut(key)?;
        if !version.is_same_life_as(&entry.version) || version.is_known_from(&entry.version) {
            return None;
        }
        entry.version = version;
        let old = std::mem::replace(&mut entry.kept, kept);
        Some(Effect::Updated { old, new: object })
    }

    /// How many lists were complete so far.
    pub(super) fn lists(&self) -> u64 {
        self.lists
    }

    /// As [`confirm`](Self::confirm), but the object may be new: it is kept if the watch cannot have shown this
    /// state yet, nor a list since `lists` of them. What was shown and is not here has gone again since. A state
    /// that is known already is kept as the answer has it, without a word: nothing has changed but what is known of it.
    pub(super) fn learn(
        &mut self,
        key: &ObjectKey,
        version: Version,
        fresh: Fresh<S>,
        lists: u64,
    ) -> Option<Effect<S>> {
        if let Some(entry) = self.readable.get_mut(key)
            && version.is_same_state_as(&entry.version)
        {
            entry.kept = fresh.kept;
            return None;
        }
        if self.version(key).is_some() {
            return self.confirm(key, version, fresh);
        }
        let was_shown = |shown: &Version| !shown.is_older_than(&version);
        if self.lists != lists || self.shown.as_ref().is_some_and(was_shown) {
            return None;
        }
        let Fresh { object, kept } = fresh;
        let entry = Entry { version, kept };
        self.readable.insert(key.clone(), entry);
        Some(Effect::Added(object))
    }

    fn show(&mut self, version: &Version) {
        if (self.shown.as_ref()).is_none_or(|shown| shown.is_older_than(version)) {
            self.shown = Some(version.clone());
        }
    }

    fn version(&self, key: &ObjectKey) -> Option<&Version> {
        self.readable
            .get(key)
            .map(|entry| &entry.version)
            .or_else(|| self.unreadable.get(key))
    }

    fn forget(&mut self, key: &ObjectKey) -> Option<Effect<S>> {
        if self.unreadable.remove(key).is_some() {
            return Some(Effect::UnreadableGone);
        }
        let entry = self.readable.remove(key)?;
        Some(Effect::Deleted(entry.kept))
    }
}

#[cfg(test)]
mod tests;
