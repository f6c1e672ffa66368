//! Tags: those of the spec, over those of the provider, with the ownership mark.
//!
//! S3 replaces all tags of a bucket at once, so the whole set is the operator's; what somebody else adds is
//! drift and taken off again. Tags of AWS's own (`aws:`), which CloudFormation, for one, gives to what it makes, are
//! not shown; and as AWS refuses a set that lacks them, they are sent along as they are.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    error::BuildError,
    types::{Tag, Tagging},
};

use super::{Facet, Wish, unless};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::mark,
};

/// Tags by key.
pub type TagMap = BTreeMap<String, String>;

pub(in crate::s3bucket) struct BucketTags;

impl Facet for BucketTags {
    const NAME: &'static str = "tags";
    type Value = TagMap;

    fn wanted(wish: &Wish<'_>) -> Option<TagMap> {
        let mut tags = wish.default_tags.clone();
        tags.extend(wish.spec.tags.to_map());
        tags.extend(mark::to_tags(wish.mark));
        Some(tags)
    }

    fn at_rest(found: &TagMap) -> TagMap {
        found.clone()
    }

    async fn read(reads: &Reads<'_>) -> Result<TagMap, Failed> {
        let mut tags = all(reads).await?;
        tags.retain(|key, _| !is_of_aws(key));
        Ok(tags)
    }

    /// Replaces the whole set, AWS's own tags included.
    async fn write(writes: &Writes<'_>, value: &TagMap) -> Result<(), Failed> {
        let tagging = Tagging::builder().set_tag_set(Some(to_sdk(value))).build();
        let tagging = tagging.expect("a tag set is given");
        writes
            .put_bucket_tagging(|call| call.tagging(tagging))
            .await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &TagMap) -> Result<(), Failed> {
        let mut tags = all(reads).await?;
        tags.retain(|key, _| is_of_aws(key));
        tags.extend(value.clone());
        Self::write(writes, &tags).await
    }

    async fn unset(_writes: &Writes<'_>) -> Result<(), Failed> {
        Ok(())
    }
}

/// Every tag, also those of AWS's own.
async fn all(reads: &Reads<'_>) -> Result<TagMap, Failed> {
    let found = unless(reads.get_bucket_tagging().await, "NoSuchTagSet")?;
    let tags = found.into_iter().flat_map(|found| found.tag_set);
    Ok(tags.map(|tag| (tag.key, tag.value)).collect())
}

fn is_of_aws(key: &str) -> bool {
    key.starts_with("aws:")
}

/// As the SDK wants them.
pub(in crate::s3bucket) fn to_sdk(tags: &TagMap) -> Vec<Tag> {
    let tag =
        |(key, value)| -> Result<Tag, BuildError> { Tag::builder().key(key).value(value).build() };
    tags.iter()
        .map(|pair| tag(pair).expect("key and value are given"))
        .collect()
}
