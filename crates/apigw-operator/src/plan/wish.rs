//! What a user wishes of one object.

use std::sync::Arc;

use operator_core::{decide::clock::Moment, engines::fanout::Digest};

use crate::{
    compile::Candidate,
    kinds::{Delivered, edition, refused_before},
};

/// What a user wishes of one object.
pub(super) struct Wish {
    /// Names this wish.
    pub edition: Arc<str>,
    /// What gateways get of it, or why they would refuse it.
    pub candidate: Result<Candidate, String>,
    /// A gateway's words, if its status says that one refused it.
    pub refused: Option<Arc<str>>,
    /// When it was first seen.
    pub since: Moment,
}

impl Wish {
    /// The wish that `object` is, if it is another than `known`.
    pub fn renewed<K: Delivered>(known: Option<&Self>, object: &K, now: Moment) -> Option<Self> {
        let edition = edition(object);
        let refused = refused_before(object);
        let same = known.filter(|known| *known.edition == *edition);
        if same.is_some_and(|known| known.refused.as_deref() == refused) {
            return None;
        }
        Some(Self {
            edition: edition.into(),
            refused: refused.map(Arc::from),
            candidate: match same {
                Some(known) => known.candidate.clone(),
                None => object.candidate(),
            },
            since: same.map_or(now, |known| known.since),
        })
    }

    /// What gateways get of it, in brief.
    pub fn digest(&self) -> Option<Digest> {
        Some(self.candidate.as_ref().ok()?.item.digest())
    }
}
