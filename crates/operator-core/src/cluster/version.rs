//! Which life of an object, and which state in it.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// An object's UID and `resourceVersion`.
#[derive(Clone, Debug)]
pub(super) struct Version {
    uid: Arc<str>,
    /// None if the server's version is not a number: then versions have no order.
    number: Option<u64>,
}

impl Version {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            number: meta
                .resource_version
                .as_deref()
                .and_then(|version| version.parse().ok()),
        }
    }

    pub(super) fn uid(&self) -> &Arc<str> {
        &self.uid
    }

    pub(super) fn is_same_life_as(&self, other: &Self) -> bool {
        self.uid == other.uid
    }

    /// All objects of a kind share one sequence of versions, so this holds across lives too. Never true of
    /// versions that have no order.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        matches!((self.number, other.number), (Some(own), Some(other)) if own < other)
    }

    /// Whether this state is the known one, or one before it.
    pub(super) fn is_known_from(&self, known: &Self) -> bool {
        self.is_older_than(known) || self.is_same_state_as(known)
    }

    /// Whether this is the same state of the same life. Never true of versions that have no order.
    pub(super) fn is_same_state_as(&self, other: &Self) -> bool {
        self.is_same_life_as(other) && self.number.is_some() && self.number == other.number
    }

    /// Whether the deletion of this state says that the known state is gone too.
    pub(super) fn ends(&self, known: &Self) -> bool {
        self.is_same_life_as(known) || (self.number.is_some() && !self.is_older_than(known))
    }
}
