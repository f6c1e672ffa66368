//! What was found outside, and how it differs from what is wanted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use super::mark::Mark;

/// Names of facets: the parts of an outside resource that are read and written by themselves.
pub type Facets = BTreeSet<String>;

/// What is wanted of each facet that a spec speaks of, as a digest: equal while the wish is, also in later versions.
pub type Wishes = BTreeMap<String, String>;

/// What an observation found. An observation that could not tell is a fault, never `Gone`.
#[derive(Debug)]
pub enum Presence<O> {
    /// Certainly not there. Only this allows a creation or the end of a finalizer.
    Gone,
    /// Created a moment ago and not shown yet.
    NotVisible,
    /// There, with this object's mark.
    Ours(O),
    /// There, with the mark of the same object in an earlier life.
    OursEarlier {
        /// What is there.
        observed: O,
        /// The mark found.
        mark: Mark,
    },
    /// There, within reach, with no mark at all.
    Unmarked(O),
    /// There, and not ours to touch.
    Foreign {
        /// The mark found, if it could be read.
        owner: Option<Mark>,
        /// What was seen, for the user.
        seen: String,
    },
}

/// One field that is not as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The facet that the field belongs to.
    pub facet: &'static str,
    /// The field, as a path in the spec.
    pub field: String,
    /// What is there, for the user: a secret is not shown.
    pub from: String,
    /// What is wanted, for the user: a secret is not shown.
    pub to: String,
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, self.from, self.to)
    }
}

/// What the engine wrote down about the outside resource before it first touched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<I> {
    /// What the resource is called outside; enough to delete it.
    pub identity: I,
    /// The object that it was written for; a restored object may bring that of another along.
    pub uid: String,
    /// The lane in which it was last upheld, if that is known.
    pub lane: Option<String>,
    /// False from the intent to create until the resource was first seen.
    pub created: bool,
    /// When its creation was last begun, unless that was refused: until the resource was seen with the mark.
    pub began: Option<Timestamp>,
    /// Whether the user's consent to take the resource over, as it stands now, has brought it: it does so once.
    pub adopted: bool,
    /// The facets that were ever written, so that a field removed from the spec can be unset.
    pub owned: Facets,
    /// The facets that were last seen as wanted, and how they were wanted.
    pub settled: Wishes,
}

impl<I> Record<I> {
    /// Whether it was written for the object of this UID. What it says of another object's resource, beside its
    /// identity, proves nothing about this one's.
    pub fn is_of(&self, uid: &str) -> bool {
        self.uid == uid
    }
}
