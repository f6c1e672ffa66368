//! The parts of a bucket that are read and written by themselves: one file each, one table.

mod abac;
mod accelerate;
mod acl;
mod analytics;
mod cors;
mod encryption;
mod form;
mod intelligent_tiering;
mod inventory;
mod lifecycle;
mod logging;
mod metrics;
mod notification;
mod object_lock;
mod ownership_controls;
mod policy;
mod public_access_block;
mod replication;
mod request_payment;
mod switch;
mod tags;
mod versioning;
mod website;

use std::{any::type_name, collections::BTreeMap, fmt, future::Future, marker::PhantomData};

use crd_types::aws::v1alpha1::S3BucketSpec;
use futures::future::BoxFuture;
use operator_core::engines::external::{Diff, Mark};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use self::form::{
    each, id_of, if_known, keyed, numbered, raise, sdk, sdk_of, sink, sorted, unless, wanted_list,
    wanted_object,
};
pub(super) use self::{
    form::item,
    object_lock::BucketObjectLock,
    ownership_controls::BucketOwnership,
    replication::BucketReplication,
    tags::{BucketTags, TagMap, to_sdk as tags_to_sdk},
    versioning::BucketVersioning,
};
use super::compare::differences;
use crate::aws::{Failed, Reads, Writes};

/// Every facet, in the order of writing. Tags come first, because they carry the mark: nothing else of a
/// bucket is touched before it. Who owns objects comes before the guards against public access, then what
/// grants access, for ACLs and public policies depend on both (Amazon S3 User Guide, "Controlling ownership of
/// objects"). Versioning comes before what needs it, and replication last, when all that it copies is as
/// wanted. What is to be gone goes the other way, before anything is set.
pub(super) const TABLE: &[&dyn AnyFacet] = &[
    &Of::<BucketTags>(PhantomData),
    &Of::<BucketOwnership>(PhantomData),
    &Of::<public_access_block::BucketPublicAccessBlock>(PhantomData),
    &Of::<acl::BucketAcl>(PhantomData),
    &Of::<policy::BucketPolicy>(PhantomData),
    &Of::<BucketVersioning>(PhantomData),
    &Of::<BucketObjectLock>(PhantomData),
    &Of::<encryption::BucketEncryption>(PhantomData),
    &Of::<lifecycle::BucketLifecycle>(PhantomData),
    &Of::<cors::BucketCors>(PhantomData),
    &Of::<logging::BucketLogging>(PhantomData),
    &Of::<website::BucketWebsite>(PhantomData),
    &Of::<notification::BucketNotification>(PhantomData),
    &Of::<request_payment::BucketRequestPayment>(PhantomData),
    &Of::<accelerate::BucketAccelerate>(PhantomData),
    &EachOf::<intelligent_tiering::BucketIntelligentTiering>(PhantomData),
    &EachOf::<metrics::Metrics>(PhantomData),
    &EachOf::<inventory::BucketInventory>(PhantomData),
    &EachOf::<analytics::BucketAnalytics>(PhantomData),
    &Of::<abac::BucketAbac>(PhantomData),
    &Of::<BucketReplication>(PhantomData),
];

/// The values of facets by name.
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
pub(super) trait Facet: Sized + Send + Sync + 'static {
    /// Its field in the spec, by which it is also recorded.
    const NAME: &'static str;
    /// What keeps the bucket from the public, where this facet may open it: it is not written while one of these
    /// could not be.
    const GUARDS: &'static [&'static str] = &[];
    /// What it holds. Its JSON names the fields of the spec.
    type Value: Serialize + DeserializeOwned + Send + Sync;

    /// What the spec asks for, if it speaks of this facet.
    fn wanted(wish: &Wish<'_>) -> Option<Self::Value>;
    /// What becomes of `found` when the facet is no longer spoken of.
    fn at_rest(found: &Self::Value) -> Self::Value;
    /// The value as it compares: two are equal when AWS behaves alike.
    fn compared(value: &Self::Value) -> Value {
        to_json::<Self>(value)
    }
    /// What the bucket has.
    fn read(reads: &Reads<'_>) -> impl Future<Output = Result<Self::Value, Failed>> + Send;
    /// Gives it to the bucket.
    fn write(
        writes: &Writes<'_>,
        value: &Self::Value,
    ) -> impl Future<Output = Result<(), Failed>> + Send;
    /// The same for a facet that has to look at the bucket once more before.
    fn set(
        _reads: &Reads<'_>,
        writes: &Writes<'_>,
        value: &Self::Value,
    ) -> impl Future<Output = Result<(), Failed>> + Send {
        Self::write(writes, value)
    }
    /// Brings the bucket to [`at_rest`](Self::at_rest).
    fn unset(writes: &Writes<'_>) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// A facet that is a list of configurations, each read and written by itself under an id.
pub(super) trait Each: Send + Sync + 'static {
    /// As of a [`Facet`].
    const NAME: &'static str;

    /// The list that the spec asks for, if it speaks of this facet.
    fn wanted(wish: &Wish<'_>) -> Option<Value>;
    /// One of the list as it compares.
    fn compared(item: &Value) -> Value {
        item.clone()
    }
    /// The list that the bucket has.
    fn read(reads: &Reads<'_>) -> impl Future<Output = Result<Value, Failed>> + Send;
    /// Gives one to the bucket.
    fn put(
        writes: &Writes<'_>,
        id: &str,
        item: &Value,
    ) -> impl Future<Output = Result<(), Failed>> + Send;
    /// Takes one away.
    fn delete(writes: &Writes<'_>, id: &str) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// What one call does to a facet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Gives it this value.
    Set(Value),
    /// Brings it to rest.
    Unset,
    /// Gives it one more of a list, or another in the place of one.
    Put { id: String, item: Value },
    /// Takes one of a list away.
    Delete { id: String },
}

impl Change {
    /// The change of the facet `name`, in words.
    pub fn of<'a>(&'a self, name: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match self {
            Self::Set(_) => write!(f, "set {name}"),
            Self::Unset => write!(f, "unset {name}"),
            Self::Put { id, .. } => write!(f, "set {name}[{id}]"),
            Self::Delete { id } => write!(f, "unset {name}[{id}]"),
        })
    }
}

/// A facet whose value is JSON, so that all are handled alike.
pub(super) trait AnyFacet: Send + Sync {
    fn name(&self) -> &'static str;
    /// The facets without which this one may not be written.
    fn guards(&self) -> &'static [&'static str] {
        &[]
    }
    fn wanted(&self, wish: &Wish<'_>) -> Option<Value>;
    /// Whether this can be read as a value of this facet.
    fn is_value(&self, value: &Value) -> bool;
    fn read<'a>(&self, reads: &'a Reads<'_>) -> BoxFuture<'a, Result<Value, Failed>>;
    /// How `found` differs from `wanted`; without a wish, from what it is at rest.
    fn diff(&self, found: &Value, wanted: Option<&Value>) -> Vec<Diff>;
    /// What mends `diffs`, which are some of this facet.
    fn changes(&self, wanted: Option<&Value>, diffs: &[&Diff]) -> Vec<Change>;
    fn perform<'a>(
        &self,
        reads: &'a Reads<'_>,
        writes: &'a Writes<'_>,
        change: Change,
    ) -> BoxFuture<'a, Result<(), Failed>>;
}

struct Of<F>(PhantomData<fn() -> F>);

impl<F: Facet> AnyFacet for Of<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn guards(&self) -> &'static [&'static str] {
        F::GUARDS
    }

    fn wanted(&self, wish: &Wish<'_>) -> Option<Value> {
        F::wanted(wish).as_ref().map(to_json::<F>)
    }

    fn is_value(&self, value: &Value) -> bool {
        F::Value::deserialize(value).is_ok()
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

    fn diff(&self, found: &Value, wanted: Option<&Value>) -> Vec<Diff> {
        let found = of_json::<F>(found);
        let wanted = wanted.map_or_else(|| F::at_rest(&found), of_json::<F>);
        differences(F::NAME, &F::compared(&found), &F::compared(&wanted))
    }

    fn changes(&self, wanted: Option<&Value>, _diffs: &[&Diff]) -> Vec<Change> {
        // AWS takes no list without items: what has none is not there.
        let is_there = |value: &&Value| value.as_array().is_none_or(|items| !items.is_empty());
        let wanted = wanted.filter(is_there).cloned();
        vec![wanted.map_or(Change::Unset, Change::Set)]
    }

    fn perform<'a>(
        &self,
        reads: &'a Reads<'_>,
        writes: &'a Writes<'_>,
        change: Change,
    ) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            match change {
                Change::Set(value) => F::set(reads, writes, &of_json::<F>(&value)).await,
                _ => F::unset(writes).await,
            }
        })
    }
}

struct EachOf<F>(PhantomData<fn() -> F>);

impl<F: Each> AnyFacet for EachOf<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn wanted(&self, wish: &Wish<'_>) -> Option<Value> {
        F::wanted(wish)
    }

    fn is_value(&self, value: &Value) -> bool {
        value.is_array()
    }

    fn read<'a>(&self, reads: &'a Reads<'_>) -> BoxFuture<'a, Result<Value, Failed>> {
        Box::pin(F::read(reads))
    }

    fn diff(&self, found: &Value, wanted: Option<&Value>) -> Vec<Diff> {
        let compared = |list| keyed(list, F::compared);
        let none = Value::Array(Vec::new());
        differences(
            F::NAME,
            &compared(found),
            &compared(wanted.unwrap_or(&none)),
        )
    }

    fn changes(&self, wanted: Option<&Value>, diffs: &[&Diff]) -> Vec<Change> {
        let mut ids: Vec<&str> = diffs.iter().filter_map(|diff| id_of(&diff.field)).collect();
        ids.dedup();
        let change = |id: &str| {
            let id = id.to_owned();
            match wanted.and_then(|list| item(list, &id)).cloned() {
                Some(item) => Change::Put { id, item },
                None => Change::Delete { id },
            }
        };
        ids.into_iter().map(change).collect()
    }

    fn perform<'a>(
        &self,
        _reads: &'a Reads<'_>,
        writes: &'a Writes<'_>,
        change: Change,
    ) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            match change {
                Change::Put { id, item } => F::put(writes, &id, &item).await,
                Change::Delete { id } => F::delete(writes, &id).await,
                // `changes` makes none of these for a list.
                Change::Set(_) | Change::Unset => Ok(()),
            }
        })
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

#[cfg(test)]
mod brevity;
#[cfg(test)]
mod comparison;
