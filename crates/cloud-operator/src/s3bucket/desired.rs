//! What the spec asks for, what differs, and what mends it. Pure.

use std::fmt;

use crd_types::aws::v1alpha1::{S3Bucket, TAG_LIMIT};
use operator_core::{
    decide::outcome::Fault,
    engines::external::{Diff, Facets, Mark},
};
use serde_json::Value;

use super::{
    facets::{AnyFacet, BucketTags, Facet, TABLE, TagMap, Values, Wish},
    mark,
};

/// What the spec asks for: a value for each facet that it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    pub(super) facets: Values,
}

impl Desired {
    pub(super) fn new(object: &S3Bucket, default_tags: &TagMap, mark: &Mark) -> Result<Self, Fault> {
        object.spec.check().map_err(super::invalid)?;
        let wish = Wish { spec: &object.spec, default_tags, mark };
        let wanted = |facet: &&dyn AnyFacet| Some((facet.name(), facet.wanted(&wish)?));
        let desired = Self { facets: TABLE.iter().filter_map(wanted).collect() };
        let tags = mark::without(&desired.tags()).len();
        if tags > TAG_LIMIT {
            let text = format!(
                "spec.tags: {tags} tags together with the provider's defaultTags, at most {TAG_LIMIT} are allowed"
            );
            return Err(Fault::terminal("InvalidSpec", text));
        }
        Ok(desired)
    }

    /// The value of a facet in its own type.
    pub(super) fn get<F: Facet>(&self) -> Option<F::Value> {
        self.facets.get(F::NAME).map(super::facets::of_json::<F>)
    }

    /// All tags, those of the mark included.
    pub(super) fn tags(&self) -> TagMap {
        self.get::<BucketTags>().unwrap_or_default()
    }
}

/// One call that brings one facet to what is wanted.
#[derive(Clone)]
pub struct Step {
    pub(super) facet: &'static dyn AnyFacet,
    /// Without a value the facet is set back to rest.
    pub(super) value: Option<Value>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.value.is_some() { "set" } else { "unset" };
        write!(f, "{verb} {}", self.facet.name())
    }
}

/// What is not as wanted. What the spec no longer speaks of and we once wrote is to be at rest.
pub(super) fn diff(desired: &Desired, found: &Values, owned: &Facets) -> Vec<Diff> {
    let differs = |facet: &&dyn AnyFacet| {
        let wanted = desired.facets.get(facet.name());
        let concerns_us = wanted.is_some() || owned.contains(facet.name());
        let found = found.get(facet.name()).filter(|_| concerns_us)?;
        Some(facet.diff(found, wanted))
    };
    TABLE.iter().filter_map(differs).flatten().collect()
}

/// One step for each facet that differs, in the order of the table.
pub(super) fn plan(desired: &Desired, diffs: &[Diff]) -> Vec<Step> {
    let touched = |facet: &&&dyn AnyFacet| diffs.iter().any(|diff| diff.facet == facet.name());
    let step = |facet: &&'static dyn AnyFacet| Step {
        facet: *facet,
        value: desired.facets.get(facet.name()).cloned(),
    };
    TABLE.iter().filter(touched).map(step).collect()
}
