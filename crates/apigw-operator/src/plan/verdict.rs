//! What every gateway must have, and what became of each wish.

use std::sync::Arc;

use operator_core::{decide::clock::Moment, engines::fanout::Digest};

use super::wish::{Wish, Wishes};
use crate::{
    compile::{Compiled, LeftOut, References, Targets},
    snapshot::{ItemId, Snapshot},
};

/// What every gateway must have, and what became of each wish.
pub struct Plan {
    /// What every gateway must have.
    pub snapshot: Arc<Snapshot>,
    /// By ID.
    verdicts: Box<[(ItemId, Verdict)]>,
}

/// What became of one wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which edition of its object.
    pub asked: Arc<str>,
    /// Which wish: that edition, with the texts that it refers to.
    pub edition: Arc<str>,
    /// When it was first seen.
    pub since: Moment,
    /// What became of it.
    pub what: What,
    /// What its destinations come to; none where it has none to look up.
    pub references: Option<References>,
    /// What caused that came at this time: the wish itself, or what something else than its object changed later.
    pub decided: Moment,
}

/// What became of one wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Every gateway must have it, in this state.
    Sent(Digest),
    /// A gateway would refuse it, which says the field.
    Invalid(String),
    /// It is not sent.
    LeftOut(LeftOut),
}

impl Plan {
    pub(super) fn new(
        wishes: &Wishes,
        targets: &impl Targets,
        mut compiled: Compiled,
        before: Option<&Self>,
        now: Moment,
    ) -> Self {
        let mut verdict = |id: &ItemId, wish: &Wish| {
            let what = match (&wish.candidate, compiled.left_out.remove(id)) {
                (Err(why), _) => What::Invalid(why.clone()),
                (Ok(_), Some(left_out)) => What::LeftOut(left_out),
                (Ok(candidate), None) => What::Sent(candidate.item.digest()),
            };
            let before = before.and_then(|before| before.verdict(id));
            let decided = match before {
                Some(before) if before.what == what => before.decided,
                Some(before) if before.edition == wish.edition => now,
                _ => wish.since,
            };
            let verdict = Verdict {
                asked: wish.asked.clone(),
                edition: wish.edition.clone(),
                since: wish.since,
                what,
                references: wish
                    .destinations
                    .as_ref()
                    .map(|named| named.look_up(&id.key.namespace, targets)),
                decided,
            };
            (id.clone(), verdict)
        };
        Self {
            verdicts: wishes.iter().map(|(id, wish)| verdict(id, wish)).collect(),
            snapshot: compiled.snapshot,
        }
    }

    /// What became of the wish for `id`; none if nobody wishes it.
    pub fn verdict(&self, id: &ItemId) -> Option<&Verdict> {
        let found = self.verdicts.binary_search_by(|(other, _)| other.cmp(id));
        found.ok().map(|at| &self.verdicts[at].1)
    }

    /// Every wish.
    pub fn verdicts(&self) -> impl Iterator<Item = (&ItemId, &Verdict)> {
        self.verdicts.iter().map(|(id, verdict)| (id, verdict))
    }

    /// What has another verdict than in the plan `before`.
    pub(super) fn differences<'a>(
        &'a self,
        before: Option<&'a Self>,
    ) -> impl Iterator<Item = &'a ItemId> {
        let known = move |id: &ItemId| before.and_then(|before| before.verdict(id));
        self.verdicts()
            .filter(move |(id, verdict)| known(id) != Some(verdict))
            .map(|(id, _)| id)
    }
}
