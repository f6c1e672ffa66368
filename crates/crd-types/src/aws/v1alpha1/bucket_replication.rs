use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account_id::AccountId,
    arn::{Arn, RoleArn},
    kms_key_id::KmsKeyId,
    object_tags::ObjectTags,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
};

/// Where objects are copied to as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replication {
    /// ARN of the role that S3 takes on to copy.
    #[serde(rename = "roleARN")]
    pub role_arn: Stored<RoleArn>,
    /// What is copied where.
    #[schemars(
        length(min = 1, max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub rules: Vec<ReplicationRule>,
}

checks!(Replication {
    role_arn: ".roleARN",
    rules: ".rules"
});

/// What is copied where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ReplicationRule {
    /// Name of the rule, unique within the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// Whether the rule acts.
    pub enabled: bool,
    /// Of two rules that match an object and name the same destination, the one with the higher number counts.
    /// No two rules of a bucket have the same.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub priority: i32,
    /// The rule is about objects whose key begins with this; left out: all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub prefix: Option<String>,
    /// The rule is about objects that have all of these tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// Where to.
    pub destination: ReplicationDestination,
    /// Whether delete markers are copied too.
    #[serde(default)]
    pub delete_marker_replication: bool,
    /// Whether objects are copied that are encrypted by keys of KMS; destination.replicaKmsKeyID is the key there.
    #[serde(default)]
    pub sse_kms_encrypted_objects: bool,
    /// Whether changes to copies here, of objects there, are copied back.
    #[serde(default)]
    pub replica_modifications: bool,
}

impl Ruled for ReplicationRule {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".deleteMarkerReplication",
            "!self.deleteMarkerReplication || !has(self.tags)",
            "delete markers have no tags: AWS does not copy them for a rule with tags",
            |rule| !rule.delete_marker_replication || rule.tags.is_empty(),
        ),
        Rule::of_field(
            ".sseKmsEncryptedObjects",
            "self.sseKmsEncryptedObjects == has(self.destination.replicaKmsKeyID)",
            "sseKmsEncryptedObjects and destination.replicaKmsKeyID go together: give both or neither",
            |rule| rule.sse_kms_encrypted_objects == rule.destination.replica_kms_key_id.is_some(),
        ),
    ];
}

checks!(ruled ReplicationRule { destination: ".destination" });

/// Where objects are copied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ReplicationDestination {
    /// ARN of the bucket, which must keep versions.
    pub bucket: Stored<Arn>,
    /// Storage class of the copies; left out: that of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<ReplicaStorageClass>,
    /// Account of the bucket, if it is another.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Stored<AccountId>>,
    /// Whether the copies belong to the account of the bucket.
    #[serde(default)]
    pub owner_override: bool,
    /// The KMS key there, with which copies are encrypted.
    #[serde(
        default,
        rename = "replicaKmsKeyID",
        skip_serializing_if = "Option::is_none"
    )]
    pub replica_kms_key_id: Option<Stored<KmsKeyId>>,
    /// Whether AWS promises to copy within 15 minutes (Replication Time Control); needs metrics.
    #[serde(default)]
    pub replication_time_control: bool,
    /// Whether CloudWatch shows how far copying has come.
    #[serde(default)]
    pub metrics: bool,
}

impl Ruled for ReplicationDestination {
    const RULES: &'static [Rule<Self>] = &[
        Rule::of_field(
            ".accountID",
            "!self.ownerOverride || has(self.accountID)",
            "ownerOverride needs accountID",
            |destination| !destination.owner_override || destination.account_id.is_some(),
        ),
        Rule::of_field(
            ".metrics",
            "!self.replicationTimeControl || self.metrics",
            "replicationTimeControl needs metrics",
            |destination| !destination.replication_time_control || destination.metrics,
        ),
    ];
}

checks!(ruled ReplicationDestination {
    bucket: ".bucket",
    account_id: ".accountID",
    replica_kms_key_id: ".replicaKmsKeyID"
});

/// A storage class that copies can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReplicaStorageClass {
    /// S3 Standard.
    Standard,
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
