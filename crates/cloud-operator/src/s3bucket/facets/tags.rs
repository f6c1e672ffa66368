//! Tags: those of the spec, over those of the provider, with the ownership mark.
//!
//! S3 replaces all tags of a bucket at once, so the whole set is the operator's; what somebody else adds is
//! drift and taken off again. Tags of AWS's own (`aws:`) are neither shown nor touched.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    error::BuildError,
    types::{Tag, Tagging},
};

use super::{Facet, Wish};
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
        match reads.get_bucket_tagging().await {
            Ok(found) => Ok(found
                .tag_set
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .filter(is_ours)
                .collect()),
            Err(failed) if failed.is(&["NoSuchTagSet"]) => Ok(TagMap::new()),
            Err(failed) => Err(failed),
        }
    }

    async fn write(writes: &Writes<'_>, value: &TagMap) -> Result<(), Failed> {
        let tagging = Tagging::builder().set_tag_set(Some(to_sdk(value))).build();
        let tagging = tagging.expect("a tag set is given");
        writes
            .put_bucket_tagging(|call| call.tagging(tagging))
            .await
    }

    async fn unset(_writes: &Writes<'_>) -> Result<(), Failed> {
        Ok(())
    }
}

fn is_ours((key, _): &(String, String)) -> bool {
    !key.starts_with("aws:")
}

/// As the SDK wants them.
pub(in crate::s3bucket) fn to_sdk(tags: &TagMap) -> Vec<Tag> {
    let tag =
        |(key, value)| -> Result<Tag, BuildError> { Tag::builder().key(key).value(value).build() };
    tags.iter()
        .map(|pair| tag(pair).expect("key and value are given"))
        .collect()
}
