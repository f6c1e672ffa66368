//! What a bucket can have several of, each with an id of its own.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{account_id::AccountId, arn::Arn, kms_key_id::KmsKeyId, object_tags::ObjectTags};
use crate::{
    rules::{Rule, checks},
    stored::Stored,
    text::{Text, text},
};

/// When objects of the class Intelligent-Tiering that nobody asks for are archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntelligentTiering {
    /// Name of the configuration, unique within the bucket.
    pub id: Stored<ConfigurationId>,
    /// Whether it acts.
    pub enabled: bool,
    /// It is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// It is about objects that have all of these tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// The archives.
    #[schemars(length(min = 1, max = 2))]
    pub tierings: Vec<Tiering>,
}

checks!(IntelligentTiering { id: ".id" });

/// When objects go to one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tiering {
    /// ARCHIVE_ACCESS (after 90 days or more) or DEEP_ARCHIVE_ACCESS (after 180 or more).
    pub access_tier: AccessTier,
    /// Days without any access.
    #[schemars(range(min = 90, max = 730))]
    pub days: i32,
}

/// An archive of Intelligent-Tiering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessTier {
    /// Retrieval takes hours.
    ArchiveAccess,
    /// Retrieval takes up to twelve hours.
    DeepArchiveAccess,
}

/// Requests that CloudWatch counts by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketMetrics {
    /// Name of the configuration, unique within the bucket.
    pub id: Stored<ConfigurationId>,
    /// It is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// It is about objects that have all of these tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// It is about requests through this access point.
    #[serde(
        default,
        rename = "accessPointARN",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_point_arn: Option<Stored<Arn>>,
}

checks!(BucketMetrics {
    id: ".id",
    access_point_arn: ".accessPointARN"
});

/// A list of the objects that AWS writes again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Name of the configuration, unique within the bucket.
    pub id: Stored<ConfigurationId>,
    /// Whether it is written.
    pub enabled: bool,
    /// Current: only the versions in use. All: earlier ones too.
    pub included_object_versions: IncludedObjectVersions,
    /// Daily or Weekly.
    pub frequency: InventoryFrequency,
    /// Only objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// What is listed of an object besides its key: Size, LastModifiedDate, StorageClass …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)))]
    pub optional_fields: Vec<String>,
    /// Where it is written to.
    pub destination: InventoryDestination,
}

checks!(Inventory {
    id: ".id",
    destination: ".destination"
});

/// Where a list of the objects is written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryDestination {
    /// ARN of the bucket.
    pub bucket: Stored<Arn>,
    /// CSV, ORC or Parquet.
    pub format: InventoryFormat,
    /// Account of the bucket.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Stored<AccountId>>,
    /// What the keys of the lists begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// The KMS key by which the lists are encrypted; left out: by the bucket's default.
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<Stored<KmsKeyId>>,
}

checks!(InventoryDestination {
    bucket: ".bucket",
    account_id: ".accountID",
    kms_key_id: ".kmsKeyID"
});

/// Which versions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IncludedObjectVersions {
    /// All of them.
    All,
    /// Those in use.
    Current,
}

/// How often a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InventoryFrequency {
    /// Every day.
    Daily,
    /// Every Sunday.
    Weekly,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InventoryFormat {
    /// Comma-separated values.
    #[serde(rename = "CSV")]
    Csv,
    /// Apache ORC.
    #[serde(rename = "ORC")]
    Orc,
    /// Apache Parquet.
    Parquet,
}

/// How AWS watches which objects are used, so that a cheaper storage class can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Analytics {
    /// Name of the configuration, unique within the bucket.
    pub id: Stored<ConfigurationId>,
    /// It is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// It is about objects that have all of these tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// Where the result is written to every day, as CSV; left out: it is only shown in the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<AnalyticsExport>,
}

checks!(Analytics {
    id: ".id",
    export: ".export"
});

/// Where the result of an analysis is written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsExport {
    /// ARN of the bucket.
    pub bucket: Stored<Arn>,
    /// Account of the bucket.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Stored<AccountId>>,
    /// What the keys of the results begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
}

checks!(AnalyticsExport {
    bucket: ".bucket",
    account_id: ".accountID"
});

/// The name of one of a bucket's configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationId(String);

impl Text for ConfigurationId {
    const WHAT: &'static str = "id";
    const LENGTH: RangeInclusive<usize> = 1..=64;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-zA-Z0-9._-]+$')",
        "may hold only letters, digits, '.', '_' and '-'",
        |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        },
    )];
}
text!(ConfigurationId);
