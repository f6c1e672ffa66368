//! What a version of the compiled state holds, named by its content.

use std::{cmp::Ordering, fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

/// The first half of a SHA-256: the same content has the same digest on every replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest of these parts, one after the other. Two ways to cut the same bytes differ.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let whole: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        Self(half)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digest that these bytes are, if they are as many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One thing of a compiled state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<I> {
    /// What it is.
    pub id: I,
    /// What it holds.
    pub digest: Digest,
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<I> {
    version: Digest,
    entries: Vec<Arc<Entry<I>>>,
}

impl<I: Ord + Clone + fmt::Display> Contents<I> {
    /// The version with these entries. Of several with one ID the last counts.
    pub fn new(entries: impl IntoIterator<Item = Arc<Entry<I>>>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        entries.reverse();
        entries.dedup_by(|a, b| a.id == b.id);
        entries.reverse();
        let names: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        let parts = names
            .iter()
            .zip(&entries)
            .flat_map(|(name, entry)| [name.as_bytes(), entry.digest.as_bytes()]);
        Self {
            version: Digest::of(parts),
            entries,
        }
    }

    /// Names this content, and no other.
    pub fn version(&self) -> Digest {
        self.version
    }

    /// Its entries, by ID.
    pub fn entries(&self) -> &[Arc<Entry<I>>] {
        &self.entries
    }

    /// How many things it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it holds under this ID.
    pub fn get(&self, id: &I) -> Option<Digest> {
        let found = self.entries.binary_search_by(|entry| entry.id.cmp(id));
        found.ok().map(|at| self.entries[at].digest)
    }

    /// What is the same in both; none where that is all of this one.
    pub fn common(&self, other: &Self) -> Option<Self> {
        let same = |entry: &&Arc<Entry<I>>| other.get(&entry.id) == Some(entry.digest);
        let common: Vec<_> = self.entries.iter().filter(same).cloned().collect();
        (common.len() < self.len()).then(|| Self::new(common))
    }

    /// The IDs whose content is not the same in both, in their order.
    pub fn changes<'a>(&'a self, other: &'a Self) -> Vec<&'a I> {
        let (mut left, mut right) = (&self.entries[..], &other.entries[..]);
        let mut changes = Vec::new();
        loop {
            match (left, right) {
                ([], rest) | (rest, []) => {
                    changes.extend(rest.iter().map(|entry| &entry.id));
                    return changes;
                }
                ([a, after_a @ ..], [b, after_b @ ..]) => match a.id.cmp(&b.id) {
                    Ordering::Less => {
                        changes.push(&a.id);
                        left = after_a;
                    }
                    Ordering::Greater => {
                        changes.push(&b.id);
                        right = after_b;
                    }
                    Ordering::Equal => {
                        if a.digest != b.digest {
                            changes.push(&a.id);
                        }
                        (left, right) = (after_a, after_b);
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn contents(held: &BTreeMap<u8, u8>) -> Contents<u8> {
        Contents::new(held.iter().rev().map(|(id, content)| {
            Arc::new(Entry {
                id: *id,
                digest: Digest::of([&[*content][..]]),
            })
        }))
    }

    #[test]
    fn of_two_with_one_id_the_last_counts() {
        let entry = |content: u8| {
            Arc::new(Entry {
                id: 1_u8,
                digest: Digest::of([&[content][..]]),
            })
        };
        let contents = Contents::new([entry(1), entry(2)]);
        assert_eq!(contents.len(), 1);
        assert_eq!(contents.get(&1), Some(entry(2).digest));
    }

    proptest! {
        #[test]
        fn versions_are_equal_where_contents_are_and_changes_are_what_differs(
            a: BTreeMap<u8, u8>, b: BTreeMap<u8, u8>
        ) {
            let (left, right) = (contents(&a), contents(&b));
            prop_assert_eq!(left.version() == right.version(), a == b);
            let differs = |id: &u8| a.get(id) != b.get(id);
            let expected: Vec<u8> = (0..=u8::MAX).filter(differs).collect();
            let changes: Vec<u8> = left.changes(&right).into_iter().copied().collect();
            prop_assert_eq!(changes, expected);
            let in_both = a.iter().filter(|(id, content)| b.get(*id) == Some(*content));
            let in_both: BTreeMap<u8, u8> = in_both.map(|(id, content)| (*id, *content)).collect();
            let common = left.common(&right);
            prop_assert_eq!(common.is_none(), in_both == a);
            prop_assert_eq!(common.unwrap_or(left.clone()), contents(&in_both));
            for (id, content) in &a {
                prop_assert_eq!(left.get(id), Some(Digest::of([&[*content][..]])));
            }
        }

        #[test]
        fn digests_tell_where_parts_end(a: Vec<u8>, b: Vec<u8>) {
            let joined: Vec<u8> = a.iter().chain(&b).copied().collect();
            prop_assert_ne!(Digest::of([&a[..], &b[..]]), Digest::of([&joined[..]]));
        }
    }
}
