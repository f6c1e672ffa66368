//! The set of tags that S3 keeps of a bucket, those of AWS's own included.
//!
//! CloudFormation, for one, gives tags of AWS's own (`aws:`) to what it makes, and AWS refuses a set that lacks them.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    error::BuildError,
    types::{Tag, Tagging},
};

use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::facets::unless,
};

/// Tags by key.
pub(in crate::s3bucket) type TagMap = BTreeMap<String, String>;

/// Every tag.
pub(super) async fn read(reads: &Reads<'_>) -> Result<TagMap, Failed> {
    let found = unless(reads.get_bucket_tagging().await, "NoSuchTagSet")?;
    let tags = found.into_iter().flat_map(|found| found.tag_set);
    Ok(tags.map(|tag| (tag.key, tag.value)).collect())
}

/// Replaces the whole set.
pub(super) async fn replace(writes: &Writes<'_>, tags: &TagMap) -> Result<(), Failed> {
    let tagging = Tagging::builder().set_tag_set(Some(to_sdk(tags))).build();
    let tagging = tagging.expect("a tag set is given");
    writes
        .put_bucket_tagging(|call| call.tagging(tagging))
        .await
}

pub(super) fn is_of_aws(key: &str) -> bool {
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
