//! Lifecycle rules: all of the bucket, by their ids. Removed from the spec there are none.

mod configuration;

use serde_json::{Value, json};

use self::configuration::{found, least_size, replace};
use super::{Facet, Wish, keyed, sorted, wanted_list};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::{filter::flatten, wire::Wire},
};

pub(super) struct BucketLifecycle;

impl Facet for BucketLifecycle {
    const NAME: &'static str = "lifecycleRules";
    type Value = Value;

    fn wanted(wish: &Wish<'_>) -> Option<Value> {
        wanted_list(&wish.spec.lifecycle_rules)
    }

    fn at_rest(_found: &Value) -> Value {
        json!([])
    }

    fn compared(value: &Value) -> Value {
        let lists = ["transitions", "noncurrentVersionTransitions"];
        keyed(value, |rule| sorted(rule, &lists))
    }

    async fn read(reads: &Reads<'_>) -> Result<Value, Failed> {
        let found = found(reads.get_bucket_lifecycle_configuration().await)?;
        let rules = found.and_then(|found| found.rules).unwrap_or_default();
        Ok(rules.iter().map(Wire::to_json).map(flatten).collect())
    }

    async fn write(writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        replace(writes, value, None).await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &Value) -> Result<(), Failed> {
        // AWS takes silence for its default, which may move other objects than the bucket's owner has chosen.
        let least_size = least_size(reads.get_bucket_lifecycle_configuration().await)?;
        replace(writes, value, least_size).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_lifecycle(|call| call).await
    }
}
