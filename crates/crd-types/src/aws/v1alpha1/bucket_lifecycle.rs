use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::object_tags::ObjectTags;
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
    text::{Text, text},
};

/// What happens to objects as they age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct LifecycleRule {
    /// Name of the rule, unique within the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// Whether the rule acts.
    pub enabled: bool,
    /// The rule is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// The rule is about objects that have all of these tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// The rule is about objects of more bytes than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 53_687_091_200_000_i64))]
    pub object_size_greater_than: Option<i64>,
    /// The rule is about objects of fewer bytes than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 53_687_091_200_000_i64))]
    pub object_size_less_than: Option<i64>,
    /// When objects are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<LifecycleExpiration>,
    /// When objects move to other storage classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub transitions: Vec<LifecycleTransition>,
    /// When earlier versions of objects are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_expiration: Option<NoncurrentVersionExpiration>,
    /// When earlier versions of objects move to other storage classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub noncurrent_version_transitions: Vec<NoncurrentVersionTransition>,
    /// When uploads in parts that were never completed are given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_multipart_upload: Option<AbortIncompleteMultipartUpload>,
}

impl Ruled for LifecycleRule {
    const RULES: &'static [Rule<Self>] = &[
        Rule::new(
            "has(self.expiration) || has(self.noncurrentVersionExpiration) || has(self.abortIncompleteMultipartUpload) \
             || (has(self.transitions) && self.transitions.size() > 0) \
             || (has(self.noncurrentVersionTransitions) && self.noncurrentVersionTransitions.size() > 0)",
            "a rule needs expiration, transitions, noncurrentVersionExpiration, noncurrentVersionTransitions or \
             abortIncompleteMultipartUpload",
            |rule| {
                rule.expiration.is_some()
                    || rule.noncurrent_version_expiration.is_some()
                    || rule.abort_incomplete_multipart_upload.is_some()
                    || !rule.transitions.is_empty()
                    || !rule.noncurrent_version_transitions.is_empty()
            },
        ),
        Rule::of_field(
            ".abortIncompleteMultipartUpload",
            "!has(self.abortIncompleteMultipartUpload) || !(has(self.tags) || has(self.objectSizeGreaterThan) \
             || has(self.objectSizeLessThan))",
            "an unfinished upload has neither tags nor a size: use another rule for abortIncompleteMultipartUpload",
            |rule| {
                rule.abort_incomplete_multipart_upload.is_none()
                    || (rule.tags.is_empty()
                        && rule.object_size_greater_than.is_none()
                        && rule.object_size_less_than.is_none())
            },
        ),
    ];
}

checks!(ruled LifecycleRule { expiration: ".expiration", transitions: ".transitions" });

/// When objects are deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct LifecycleExpiration {
    /// Days after creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub days: Option<i32>,
    /// From this day on, which begins at midnight UTC: 2030-12-31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Stored<Day>>,
    /// Whether delete markers are removed behind which no version is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired_object_delete_marker: bool,
}

impl Ruled for LifecycleExpiration {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "(has(self.days) ? 1 : 0) + (has(self.date) ? 1 : 0) \
         + (has(self.expiredObjectDeleteMarker) && self.expiredObjectDeleteMarker ? 1 : 0) == 1",
        "give one of days, date and expiredObjectDeleteMarker",
        |expiration| {
            let given = [
                expiration.days.is_some(),
                expiration.date.is_some(),
                expiration.expired_object_delete_marker,
            ];
            given.into_iter().filter(|given| *given).count() == 1
        },
    )];
}

checks!(ruled LifecycleExpiration { date: ".date" });

/// When objects move to another storage class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct LifecycleTransition {
    /// Days after creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub days: Option<i32>,
    /// From this day on, which begins at midnight UTC: 2030-12-31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Stored<Day>>,
    /// The storage class: GLACIER, GLACIER_IR, DEEP_ARCHIVE, INTELLIGENT_TIERING, STANDARD_IA or ONEZONE_IA.
    pub storage_class: StorageClass,
}

impl Ruled for LifecycleTransition {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "has(self.days) != has(self.date)",
        "give one of days and date",
        |transition| transition.days.is_some() != transition.date.is_some(),
    )];
}

checks!(ruled LifecycleTransition { date: ".date" });

/// When earlier versions of objects are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoncurrentVersionExpiration {
    /// Days after a later version took the place.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub noncurrent_days: i32,
    /// How many earlier versions are kept however old they are; left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub newer_noncurrent_versions: Option<i32>,
}

/// When earlier versions of objects move to another storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoncurrentVersionTransition {
    /// Days after a later version took the place.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub noncurrent_days: i32,
    /// How many earlier versions stay where they are; left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub newer_noncurrent_versions: Option<i32>,
    /// The storage class: GLACIER, GLACIER_IR, DEEP_ARCHIVE, INTELLIGENT_TIERING, STANDARD_IA or ONEZONE_IA.
    pub storage_class: StorageClass,
}

/// When uploads in parts that were never completed are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbortIncompleteMultipartUpload {
    /// Days after the upload began.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub days_after_initiation: i32,
}

/// A storage class that objects can move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// S3 Glacier Flexible Retrieval.
    Glacier,
    /// S3 Glacier Instant Retrieval.
    GlacierIr,
    /// S3 Glacier Deep Archive.
    DeepArchive,
    /// S3 Intelligent-Tiering.
    IntelligentTiering,
    /// S3 Standard-Infrequent Access.
    StandardIa,
    /// S3 One Zone-Infrequent Access.
    #[serde(rename = "ONEZONE_IA")]
    OneZoneIa,
}

/// A day of the calendar, `2030-12-31`: S3 knows no other times than midnight UTC here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day(String);

impl Text for Day {
    const WHAT: &'static str = "day";
    const LENGTH: RangeInclusive<usize> = 10..=10;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$')",
        "must be a day as in 2030-12-31",
        |text| {
            let digit_or_dash = |(at, byte): (usize, u8)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            };
            text.len() == 10 && text.bytes().enumerate().all(digit_or_dash)
        },
    )];
}
text!(Day);
