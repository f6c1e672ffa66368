//! Tags: those of the spec, over those of the provider, with the ownership mark.
//!
//! S3 replaces all tags of a bucket at once, so the whole set is the operator's; what somebody else adds is
//! drift and taken off again. Tags of AWS's own are not shown, and sent along as they are.

mod set;

use self::set::is_of_aws;
pub(in crate::s3bucket) use self::set::{TagMap, to_sdk};
use super::{Facet, Wish};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::mark,
};

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
        let mut tags = set::read(reads).await?;
        tags.retain(|key, _| !is_of_aws(key));
        Ok(tags)
    }

    /// Replaces the whole set, AWS's own tags included.
    async fn write(writes: &Writes<'_>, value: &TagMap) -> Result<(), Failed> {
        set::replace(writes, value).await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &TagMap) -> Result<(), Failed> {
        let mut tags = set::read(reads).await?;
        tags.retain(|key, _| is_of_aws(key));
        tags.extend(value.clone());
        Self::write(writes, &tags).await
    }

    async fn unset(_writes: &Writes<'_>) -> Result<(), Failed> {
        Ok(())
    }
}
