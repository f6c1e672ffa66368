//! The parts of a bucket that are read and written by themselves: one file each, one table.

mod encryption;
mod ownership_controls;
mod public_access_block;
mod tags;
mod versioning;

use std::{any::type_name, collections::BTreeMap, future::Future, marker::PhantomData};

use crd_types::aws::v1alpha1::S3BucketSpec;
use futures::future::BoxFuture;
use operator_core::engines::external::{Diff, Mark};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) use self::{
    ownership_controls::BucketOwnership,
    tags::{BucketTags, TagMap, to_sdk as tags_to_sdk},
};
use super::compare::differences;
use crate::aws::{Failed, Reads, Writes};

/// Every facet, in the order of writing. Tags come first, because they carry the mark: nothing else of a
/// bucket is touched before it. Who owns objects comes before the guards against public access, for ACLs
/// depend on both (Amazon S3 User Guide, "Controlling ownership of objects").
pub(super) const TABLE: &[&dyn AnyFacet] = &[
    &Of::<BucketTags>(PhantomData),
    &Of::<BucketOwnership>(PhantomData),
    &Of::<public_access_block::BucketPublicAccessBlock>(PhantomData),
    &Of::<versioning::BucketVersioning>(PhantomData),
    &Of::<encryption::BucketEncryption>(PhantomData),
];

/// The values of facets by name, in the form in which they are compared.
pub(super) type Values = BTreeMap<&'static str, Value>;

/// What the wanted value of a facet follows from.
pub(super) struct Wish<'a> {
    /// What the user asks for.
    pub spec: &'a S3BucketSpec,
    /// The tags of the provider.
    pub default_tags: &'a TagMap,
    /// Who owns the bucket.
    pub mark: &'a Mark,
}

/// One facet.
pub(super) trait Facet: Send + Sync + 'static {
    /// Its field in the spec, by which it is also recorded.
    const NAME: &'static str;
    /// What it holds, as it compares: two values are equal when AWS behaves alike. Its JSON names the fields
    /// of the spec.
    type Value: Serialize + DeserializeOwned + Send + Sync;

    /// What the spec asks for, if it speaks of this facet.
    fn wanted(wish: &Wish<'_>) -> Option<Self::Value>;
    /// What becomes of `found` when the facet is no longer spoken of.
    fn at_rest(found: &Self::Value) -> Self::Value;
    /// What the bucket has.
    fn read(reads: &Reads<'_>) -> impl Future<Output = Result<Self::Value, Failed>> + Send;
    /// Gives it to the bucket.
    fn write(
        writes: &Writes<'_>,
        value: &Self::Value,
    ) -> impl Future<Output = Result<(), Failed>> + Send;
    /// Brings the bucket to [`at_rest`](Self::at_rest).
    fn unset(writes: &Writes<'_>) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// A facet whose value is JSON, so that all are handled alike.
pub(super) trait AnyFacet: Send + Sync {
    fn name(&self) -> &'static str;
    fn wanted(&self, wish: &Wish<'_>) -> Option<Value>;
    fn read<'a>(&self, reads: &'a Reads<'_>) -> BoxFuture<'a, Result<Value, Failed>>;
    fn write<'a>(&self, writes: &'a Writes<'_>, value: &Value)
    -> BoxFuture<'a, Result<(), Failed>>;
    fn unset<'a>(&self, writes: &'a Writes<'_>) -> BoxFuture<'a, Result<(), Failed>>;
    /// How `found` differs from `wanted`; without a wish, from what it is at rest.
    fn diff(&self, found: &Value, wanted: Option<&Value>) -> Vec<Diff>;
}

struct Of<F>(PhantomData<fn() -> F>);

impl<F: Facet> AnyFacet for Of<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn wanted(&self, wish: &Wish<'_>) -> Option<Value> {
        F::wanted(wish).as_ref().map(to_json::<F>)
    }

    fn read<'a>(&self, reads: &'a Reads<'_>) -> BoxFuture<'a, Result<Value, Failed>> {
        Box::pin(async {
            F::read(reads)
                .await
                .as_ref()
                .map(to_json::<F>)
                .map_err(Clone::clone)
        })
    }

    fn write<'a>(
        &self,
        writes: &'a Writes<'_>,
        value: &Value,
    ) -> BoxFuture<'a, Result<(), Failed>> {
        let value = of_json::<F>(value);
        Box::pin(async move { F::write(writes, &value).await })
    }

    fn unset<'a>(&self, writes: &'a Writes<'_>) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(F::unset(writes))
    }

    fn diff(&self, found: &Value, wanted: Option<&Value>) -> Vec<Diff> {
        match wanted {
            Some(wanted) => differences(F::NAME, found, wanted),
            None => differences(
                F::NAME,
                found,
                &to_json::<F>(&F::at_rest(&of_json::<F>(found))),
            ),
        }
    }
}

/// A value in the form in which all are handled.
pub(super) fn to_json<F: Facet>(value: &F::Value) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| not_json(type_name::<F>(), &error))
}

/// A value in its own type.
pub(super) fn of_json<F: Facet>(value: &Value) -> F::Value {
    F::Value::deserialize(value).unwrap_or_else(|error| not_json(type_name::<F>(), &error))
}

/// Values are structures of text and truth that were made by [`to_json`]: they go there and back.
fn not_json(facet: &str, error: &serde_json::Error) -> ! {
    unreachable!("{facet}: {error}")
}
