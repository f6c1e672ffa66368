//! What a user wishes of one object.

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use operator_core::{cluster::config_maps::NoText, decide::clock::Moment, engines::fanout::Digest};

use crate::{
    compile::{Candidate, Destinations},
    kinds::{Delivered, Text, edition, in_force_before, refused_before},
    snapshot::ItemId,
};

/// Every wish. Boxed, as a tree's nodes are half empty.
pub(super) type Wishes = BTreeMap<ItemId, Box<Wish>>;

/// What a user wishes of one object.
pub(super) struct Wish {
    /// Names this wish, as its object does.
    pub asked: Arc<str>,
    /// Names this wish with the texts that it refers to.
    pub edition: Arc<str>,
    /// What gateways get of it, or why they would refuse it.
    pub candidate: Result<Candidate, String>,
    /// What its status says.
    pub told: Told,
    /// When it came to be what it is.
    pub since: Moment,
    /// The destinations to look up, if it is a route.
    pub destinations: Option<Destinations>,
    /// The addresses and ports that it stands for.
    pub hosts: Vec<(String, i32)>,
}

/// What a status says of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing that matters here.
    Nothing,
    /// That every gateway had it.
    InForce,
    /// That a gateway refused it, in these words.
    Refused(Arc<str>),
}

impl Told {
    /// What the status of `object` says of this very wish. It does not tell of which text: of what refers to one
    /// nothing is known.
    pub fn of<K: Delivered>(object: &K) -> Self {
        match refused_before(object) {
            Some(words) if !refers(object) => Self::Refused(words.into()),
            Some(_) => Self::Nothing,
            None if in_force_before(object) && !refers(object) => Self::InForce,
            None => Self::Nothing,
        }
    }

    /// The words of refusal.
    pub fn refusal(&self) -> Option<&Arc<str>> {
        match self {
            Self::Refused(words) => Some(words),
            Self::Nothing | Self::InForce => None,
        }
    }
}

impl Wish {
    /// The wish that `object` is; none while a text that it needs was not looked up.
    pub fn of<K: Delivered>(object: &Arc<K>, text: &Text<'_>, now: Moment) -> Option<Self> {
        let unknown = Cell::new(false);
        let noted = |config_map: &_, key: Option<&str>| {
            let found = text(config_map, key);
            unknown.set(unknown.get() || matches!(found, Err(NoText::Unknown { .. })));
            found
        };
        let candidate = object.candidate(&noted);
        let asked: Arc<str> = edition(&**object).into();
        let digest = candidate.as_ref().ok().map(|it| it.item.digest());
        let named = match digest.filter(|_| refers(&**object)) {
            Some(digest) => format!("{asked}/{digest}").into(),
            None => Arc::clone(&asked),
        };
        (!unknown.get()).then(|| Self {
            asked,
            edition: named,
            told: Told::of(&**object),
            candidate: candidate.map_err(|invalid| invalid.to_string()),
            since: now,
            destinations: object.destinations(),
            hosts: object.hosts(),
        })
    }

    /// Whether `object` is this very wish.
    pub fn is<K: Delivered>(&self, object: &K) -> bool {
        *self.asked == *edition(object)
    }

    /// What gateways get of it, in brief.
    pub fn digest(&self) -> Option<Digest> {
        Some(self.candidate.as_ref().ok()?.item.digest())
    }
}

fn refers<K: Delivered>(object: &K) -> bool {
    object.config_maps().is_some_and(|named| !named.is_empty())
}
