//! Who refers to whom, asked the other way round.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;

use crate::decide::key::ObjectKey;

/// An index from a referenced object to those that refer to it, kept from the referrers' changes.
#[derive(Debug, Default)]
pub struct References {
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    targets: HashMap<ObjectKey, ObjectKey>,
    users: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
}

impl References {
    /// `user` now refers to `target`, and to nothing else that this index knows; none: to nothing.
    pub fn set(&self, user: &ObjectKey, target: Option<ObjectKey>) {
        let mut index = self.index.lock();
        if index.targets.get(user) == target.as_ref() {
            return;
        }
        if let Some(before) = index.targets.remove(user)
            && let Some(users) = index.users.get_mut(&before)
        {
            users.remove(user);
            if users.is_empty() {
                index.users.remove(&before);
            }
        }
        if let Some(target) = target {
            // One name for all who refer to it.
            let known = index.users.get_key_value(&target);
            let target = known.map_or_else(|| target.clone(), |(known, _)| known.clone());
            index.targets.insert(user.clone(), target.clone());
            index.users.entry(target).or_default().insert(user.clone());
        }
    }

    /// Those that refer to `target`, in order of their names.
    pub fn users_of(&self, target: &ObjectKey) -> Vec<ObjectKey> {
        let index = self.index.lock();
        index
            .users
            .get(target)
            .map(|users| users.iter().cloned().collect())
            .unwrap_or_default()
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
        references.set(&key("b"), Some(key("one")));
        references.set(&key("a"), Some(key("one")));
        assert_eq!(references.users_of(&key("one")), [key("a"), key("b")]);

        references.set(&key("a"), Some(key("two")));
        assert_eq!(references.users_of(&key("one")), [key("b")]);
        assert_eq!(references.users_of(&key("two")), [key("a")]);

        references.set(&key("a"), None);
        references.set(&key("b"), None);
        let index = references.index.lock();
        assert!(index.users.is_empty() && index.targets.is_empty());
    }

    #[test]
    fn what_many_refer_to_is_kept_once() {
        let references = References::default();
        references.set(&key("a"), Some(key("one")));
        references.set(&key("b"), Some(key("one")));
        let index = references.index.lock();
        let [a, b] = ["a", "b"].map(|user| index.targets[&key(user)].name.clone());
        assert!(Arc::ptr_eq(&a, &b));
    }
}
