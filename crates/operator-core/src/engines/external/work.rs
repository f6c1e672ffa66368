//! What a pass works with, and what it writes down of it.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
};

use crd_types::lifecycle::{DriftPolicy, FieldPath, Mode};
use kube::Resource;

use super::{
    Adoption, Annotations, Claim, Diff, External, Facets, Owner, Presence, Record, Trouble, Wishes,
    birth,
    drift::{self, Apart},
    engine::End,
};
use crate::{
    decide::outcome::{Class, Fault, Scope},
    engines::controller::Pass,
};

/// What a pass works with once every reference is resolved.
pub(super) struct Work<'a, E: External> {
    pub(super) domain: &'a E,
    pub(super) context: E::Context,
    pub(super) claim: Claim,
    pub(super) owner: &'a Owner,
    pub(super) desired: E::Desired,
    pub(super) identity: E::Identity,
    /// What the spec speaks of and is not to be left alone.
    pub(super) wishes: Wishes,
    pub(super) ignored: Vec<FieldPath>,
    pub(super) policy: DriftPolicy,
    pub(super) mode: Mode,
    pub(super) adoption: Adoption,
}

impl<E: External> Work<'_, E> {
    /// What is wanted, with what is to be left alone as it was observed.
    pub(super) fn wish(&self, observed: Option<&E::Observed>) -> Cow<'_, E::Desired> {
        match self.ignored.as_slice() {
            [] => Cow::Borrowed(&self.desired),
            ignored => Cow::Owned(E::leave(&self.desired, ignored, observed)),
        }
    }

    /// Looks at the facet whose turn it is; whether it is as it was when all was well. A whole look tells what a glance
    /// does not, unless its calls would fail alike.
    pub(super) async fn glance(&self, pass: &Pass<E::Kind>, turn: usize) -> Result<bool, End> {
        let facets = self.facets();
        let Some(facet) = facets.iter().nth(turn % facets.len().max(1)) else {
            return Ok(false);
        };
        let glance = self
            .domain
            .glance(&self.context, &self.identity, &self.claim, facet);
        let observed = match glance.await {
            Ok(Some(observed)) => observed,
            Err(fault) if fault.class == Class::Throttled || fault.scope == Scope::Provider => {
                return Err(fault.into());
            }
            Ok(None) | Err(_) => return Ok(false),
        };
        let Apart { edits, drift } = self.diff(pass, &observed);
        Ok(edits.is_empty() && drift.is_empty() && E::unread(&observed).is_empty())
    }

    /// Equal for two passes between which neither the user nor a provider has said anything.
    pub(super) fn fingerprint(&self, pass: &Pass<E::Kind>) -> u64 {
        let object = pass.object();
        let mut state = DefaultHasher::new();
        object.meta().uid.hash(&mut state);
        object.meta().generation.hash(&mut state);
        for word in Annotations::of(&*object).spoken() {
            word.hash(&mut state);
        }
        self.identity.to_string().hash(&mut state);
        self.wishes.hash(&mut state);
        state.finish()
    }

    pub(super) fn facets(&self) -> Facets {
        self.wishes.keys().cloned().collect()
    }

    pub(super) async fn observe(&self, pass: &Pass<E::Kind>) -> Result<Presence<E::Observed>, End> {
        let facets = self.facets().union(&owned::<E>(pass)).cloned().collect();
        Ok(self
            .domain
            .observe(&self.context, &self.identity, &self.claim, &facets)
            .await?)
    }

    /// What differs, edits and drift apart.
    pub(super) fn diff(&self, pass: &Pass<E::Kind>, observed: &E::Observed) -> Apart {
        let wish = self.wish(Some(observed));
        let diffs = self.domain.diff(&wish, Some(observed), &owned::<E>(pass));
        drift::tell_apart(diffs, &self.wishes, &settled::<E>(pass))
    }

    /// What of all that differs is to be mended, and what is left as it is.
    pub(super) fn divide(&self, apart: &Apart) -> (Vec<Diff>, Vec<Diff>) {
        match self.policy {
            DriftPolicy::Correct => (apart.all(), Vec::new()),
            DriftPolicy::Report => (apart.edits.clone(), apart.drift.clone()),
        }
    }

    /// Whether what is gone is told and not created again.
    pub(super) fn stays_gone(&self, pass: &Pass<E::Kind>) -> bool {
        let is_on_its_way = birth::is_on_its_way::<E>(pass);
        self.policy == DriftPolicy::Report && was_made::<E>(pass) && !is_on_its_way
    }

    /// Writes down what was seen as wanted, by which drift is told from edits.
    pub(super) fn settle(
        &self,
        pass: &mut Pass<E::Kind>,
        left: &[Diff],
        unread: &[(&'static str, Fault)],
    ) {
        let Some(mut record) = own_record::<E>(pass) else {
            return;
        };
        let unread: Vec<&str> = unread.iter().map(|(facet, _)| *facet).collect();
        record.settled = drift::settled(&record.settled, &self.wishes, left, &unread);
        E::set_record(&mut pass.status, record);
    }

    /// Writes down that the whole spec was seen to be in force, but for what is told and left.
    pub(super) fn own(&self, pass: &mut Pass<E::Kind>) {
        let record = Record {
            identity: self.identity.clone(),
            uid: self.claim.mark.uid.clone(),
            lane: Some(E::lane(&pass.object()).to_string()),
            created: true,
            began: None,
            adopted: self.adoption == Adoption::Allowed,
            owned: self.facets(),
            settled: self.wishes.clone(),
        };
        E::set_record(&mut pass.status, record);
    }

    pub(super) fn report(
        &self,
        pass: &mut Pass<E::Kind>,
        observed: &E::Observed,
        trouble: Trouble,
    ) {
        let Self {
            domain,
            context,
            identity,
            ..
        } = self;
        domain.report(
            context,
            identity,
            &self.wish(Some(observed)),
            observed,
            &trouble,
            &mut pass.status,
        );
    }
}

/// What was recorded for this very object.
pub(super) fn own_record<E: External>(pass: &Pass<E::Kind>) -> Option<Record<E::Identity>> {
    let object = pass.object();
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    E::record(&pass.status).filter(|record| record.is_of(uid))
}

/// Whether this very object had the resource once.
pub(super) fn was_made<E: External>(pass: &Pass<E::Kind>) -> bool {
    own_record::<E>(pass).is_some_and(|record| record.created)
}

pub(super) fn owned<E: External>(pass: &Pass<E::Kind>) -> Facets {
    own_record::<E>(pass)
        .map(|record| record.owned)
        .unwrap_or_default()
}

pub(super) fn settled<E: External>(pass: &Pass<E::Kind>) -> Wishes {
    own_record::<E>(pass)
        .map(|record| record.settled)
        .unwrap_or_default()
}

pub(super) fn forget_settled<E: External>(pass: &mut Pass<E::Kind>) {
    if let Some(mut record) = own_record::<E>(pass) {
        record.settled.clear();
        E::set_record(&mut pass.status, record);
    }
}
