//! Who refers to whom, asked the other way round.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use crate::decide::key::ObjectKey;

/// An index from a referenced object to those that refer to it, kept from the referrers' changes. Of each of these it
/// holds a `Note`, so that none has to be looked at where many refer to one.
#[derive(Debug)]
pub struct References<Note = ()> {
    index: Mutex<Index<Note>>,
}

#[derive(Debug)]
struct Index<Note> {
    targets: HashMap<ObjectKey, ObjectKey>,
    users: HashMap<ObjectKey, BTreeMap<ObjectKey, Note>>,
}

impl<Note> Default for References<Note> {
    fn default() -> Self {
        Self {
            index: Mutex::new(Index {
                targets: HashMap::new(),
                users: HashMap::new(),
            }),
        }
    }
}

impl<Note: Clone> References<Note> {
    /// `user`, of which there is this to note, now refers to `target` and to nothing else that this index knows.
    pub fn set(&self, user: &ObjectKey, target: ObjectKey, note: Note) {
        let mut index = self.index.lock();
        if index.targets.get(user) != Some(&target) {
            index.remove(user);
        }
        // One name for all who refer to it.
        let known = index.users.get_key_value(&target);
        let target = known.map_or(target, |(known, _)| known.clone());
        let users = index.users.entry(target.clone()).or_default();
        users.insert(user.clone(), note);
        index.targets.insert(user.clone(), target);
    }

    /// `user` refers to nothing any more.
    pub fn remove(&self, user: &ObjectKey) {
        self.index.lock().remove(user);
    }

    /// Those that refer to `target`, in order of their names.
    pub fn users_of(&self, target: &ObjectKey) -> Vec<ObjectKey> {
        self.noted(target, |user, _| user.clone())
    }

    /// Those that refer to `target`, with what was noted of them, in order of their names.
    pub fn notes_of(&self, target: &ObjectKey) -> Vec<(ObjectKey, Note)> {
        self.noted(target, |user, note| (user.clone(), note.clone()))
    }

    fn noted<T>(&self, target: &ObjectKey, take: impl Fn(&ObjectKey, &Note) -> T) -> Vec<T> {
        let index = self.index.lock();
        let users = index.users.get(target).into_iter().flatten();
        users.map(|(user, note)| take(user, note)).collect()
    }
}

impl<Note> Index<Note> {
    fn remove(&mut self, user: &ObjectKey) {
        if let Some(before) = self.targets.remove(user)
            && let Some(users) = self.users.get_mut(&before)
        {
            users.remove(user);
            if users.is_empty() {
                self.users.remove(&before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("ns", name)
    }

    #[test]
    fn follows_a_referrer_from_target_to_target_and_leaves_nothing_behind() {
        let references = References::default();
        references.set(&key("b"), key("one"), 1);
        references.set(&key("a"), key("one"), 1);
        assert_eq!(references.users_of(&key("one")), [key("a"), key("b")]);

        references.set(&key("a"), key("two"), 2);
        assert_eq!(references.notes_of(&key("one")), [(key("b"), 1)]);
        assert_eq!(references.notes_of(&key("two")), [(key("a"), 2)]);

        references.set(&key("a"), key("two"), 3);
        assert_eq!(references.notes_of(&key("two")), [(key("a"), 3)]);

        references.remove(&key("a"));
        references.remove(&key("b"));
        let index = references.index.lock();
        assert!(index.users.is_empty() && index.targets.is_empty());
    }

    #[test]
    fn what_many_refer_to_is_kept_once() {
        let references = References::default();
        references.set(&key("a"), key("one"), ());
        references.set(&key("b"), key("one"), ());
        references.set(&key("b"), key("one"), ());
        let index = references.index.lock();
        let [a, b] = ["a", "b"].map(|user| index.targets[&key(user)].name.clone());
        assert!(Arc::ptr_eq(&a, &b));
    }
}
