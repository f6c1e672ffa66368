//! The bucket policy. Removed from the spec there is none.

use serde_json::Value;

use super::{Facet, Wish, public_access_block::BucketPublicAccessBlock, unless};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::policy::meaning,
};

pub(super) struct BucketPolicy;

impl Facet for BucketPolicy {
    const NAME: &'static str = "policy";
    const GUARDS: &'static [&'static str] = &[BucketPublicAccessBlock::NAME];
    /// The text, which is written as it is.
    type Value = Option<String>;

    fn wanted(wish: &Wish<'_>) -> Option<Option<String>> {
        let policy = wish.spec.policy.as_ref()?;
        Some(Some(policy.as_str().to_owned()))
    }

    fn at_rest(_found: &Option<String>) -> Option<String> {
        None
    }

    fn compared(value: &Option<String>) -> Value {
        let meaning = |text: &String| meaning(text).unwrap_or_else(|_| text.as_str().into());
        value.as_ref().map_or(Value::Null, meaning)
    }

    async fn read(reads: &Reads<'_>) -> Result<Option<String>, Failed> {
        let found = unless(reads.get_bucket_policy().await, "NoSuchBucketPolicy")?;
        Ok(found.and_then(|found| found.policy))
    }

    async fn write(writes: &Writes<'_>, value: &Option<String>) -> Result<(), Failed> {
        let text = value.clone().unwrap_or_default();
        writes.put_bucket_policy(|call| call.policy(text)).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        writes.delete_bucket_policy(|call| call).await
    }
}
