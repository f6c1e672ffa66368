//! What a user wishes of one object.

use std::{cell::Cell, sync::Arc};

use operator_core::{cluster::config_maps::NoText, decide::clock::Moment, engines::fanout::Digest};

use crate::{
    compile::{Candidate, Destinations},
    kinds::{Delivered, Text, edition, refused_before},
};

/// What a user wishes of one object.
pub(super) struct Wish {
    /// Names this wish, as its object does.
    pub asked: Arc<str>,
    /// Names this wish with the texts that it refers to.
    pub edition: Arc<str>,
    /// What gateways get of it, or why they would refuse it.
    pub candidate: Result<Candidate, String>,
    /// A gateway's words, if its status says that one refused it.
    pub refused: Option<Arc<str>>,
    /// When it came to be what it is.
    pub since: Moment,
    /// The destinations to look up, if it is a route.
    pub destinations: Option<Destinations>,
    /// The addresses and ports that it stands for.
    pub hosts: Vec<(String, i32)>,
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
        let asked = edition(&**object);
        let digest = candidate.as_ref().ok().map(|it| it.item.digest());
        let named = match digest.filter(|_| refers(&**object)) {
            Some(digest) => format!("{asked}/{digest}"),
            None => asked.clone(),
        };
        (!unknown.get()).then(|| Self {
            asked: asked.into(),
            edition: named.into(),
            refused: told_refusal(&**object),
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

    /// Whether its status says of `object` what is known.
    pub fn is_told_by<K: Delivered>(&self, object: &K) -> bool {
        self.refused == told_refusal(object)
    }

    /// What gateways get of it, in brief.
    pub fn digest(&self) -> Option<Digest> {
        Some(self.candidate.as_ref().ok()?.item.digest())
    }
}

/// The words with which a gateway refused this very wish, as its status tells. A status does not tell of which
/// text: what refers to one is tried again.
pub(super) fn told_refusal<K: Delivered>(object: &K) -> Option<Arc<str>> {
    let told = refused_before(object).filter(|_| !refers(object));
    told.map(Arc::from)
}

fn refers<K: Delivered>(object: &K) -> bool {
    object.config_maps().is_some_and(|named| !named.is_empty())
}
