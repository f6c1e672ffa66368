use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{account_id::AccountId, bucket_name::BucketName, partition::Partition, region::Region};
use crate::{
    lifecycle::{HasLifecycle, HasUpkeep, Lifecycle, Upkeep},
    schema::conform,
    text_map::TextMap,
};

/// What became of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform)]
pub struct S3BucketStatus {
    /// What every kind's status has.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,

    /// What the status of every kind has that stands for something outside.
    #[serde(flatten)]
    pub upkeep: Upkeep,

    /// ARN of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub arn: Option<String>,

    /// Region that the bucket is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub region: Option<String>,

    /// Account that the bucket is in.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub account_id: Option<String>,

    /// Host name of the bucket, as in name.s3.eu-central-1.amazonaws.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub bucket_domain_name: Option<String>,

    /// How each part of the bucket that the spec speaks of compares with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub facets: Vec<FacetStatus>,

    /// How far the operator has come with emptying the bucket, if it is being deleted with emptyOnDelete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emptying: Option<Emptying>,

    /// The operator's own memory of the bucket, by which it finds and deletes it. Written before anything is
    /// done in AWS. Do not edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<BucketRecord>,
}

/// How one part of a bucket compares with the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetStatus {
    /// The part, named as in the spec: versioning, encryption …
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// InSync: as the spec says. Drifted: different, and not corrected yet. Failed: AWS refused to show or to change it.
    pub state: FacetState,
    /// AWS's code, where AWS refused something; Other for one that AWS does not document, which message has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub code: Option<String>,
    /// What differs, by field, or why AWS refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// How far emptying a bucket has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Emptying {
    /// Objects, earlier versions and delete markers that were removed so far; some are not counted if the
    /// operator was stopped meanwhile.
    #[schemars(range(min = 0))]
    pub versions_deleted: i64,
    /// Unfinished uploads that were given up so far.
    #[schemars(range(min = 0))]
    pub uploads_aborted: i64,
}

/// How a part of a resource compares with the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum FacetState {
    /// As the spec says.
    InSync,
    /// Different, and not corrected yet.
    Drifted,
    /// AWS refused to show or to change it.
    Failed,
    /// What a later version of the operator said: an object stays readable when that is rolled back.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// The operator's own memory of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketRecord {
    /// Name of the bucket.
    pub bucket_name: BucketName,
    /// Account that it is in, or is about to be created in.
    #[serde(rename = "accountID")]
    pub account_id: AccountId,
    /// Region of that account.
    pub region: Region,
    /// Partition of that account.
    pub partition: Partition,
    /// Where its requests go: AWS, or the endpoint of another store; none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub store: Option<String>,
    /// AWSProvider, as namespace/name, that it was last looked after by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    pub provider: Option<String>,
    /// UID of the object that this was written for; none in what earlier versions wrote.
    #[serde(
        default,
        rename = "objectUID",
        skip_serializing_if = "String::is_empty"
    )]
    #[schemars(length(max = 64))]
    pub object_uid: String,
    /// False: the operator was about to create it and has not seen it since. True: it has.
    #[serde(default)]
    pub created: bool,
    /// When the operator last began to create it, unless that was refused: until the bucket was seen with its ownership
    /// mark. For two minutes the creation may still be on its way, and the object does not go before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_began_at: Option<Time>,
    /// True: the bucket came to this object, or stayed with it, while the annotation adopt was true. That is not
    /// followed again to take the bucket from another object of this name, unless it is removed and set anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Parts of the bucket that the operator has set, and so sets back when they leave the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 64)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub owned_facets: Vec<String>,
    /// Parts of the bucket that were last seen as the spec wanted them, each with a digest of what it wanted:
    /// what differs from the spec is drift if this digest is still that of the spec, and an edit otherwise.
    #[serde(default, skip_serializing_if = "TextMap::is_empty")]
    #[schemars(
        length(max = 32),
        extend("maxProperties" = 32, "additionalProperties" = { "type": "string", "maxLength": 64 })
    )]
    pub settled_facets: TextMap,
}

impl HasLifecycle for S3BucketStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }
    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}

impl HasUpkeep for S3BucketStatus {
    fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }
    fn upkeep_mut(&mut self) -> &mut Upkeep {
        &mut self.upkeep
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::{DeletionPolicySource, PlannedAction};

    /// An object that cannot be read is one about which nothing is done.
    #[test]
    fn words_of_a_later_version_do_not_make_a_status_unreadable() {
        let status: S3BucketStatus = serde_json::from_value(json!({
            "facets": [{ "name": "versioning", "state": "Healing" }],
            "plan": { "action": "Replace", "fields": [] },
            "deletionPolicySource": "Tenant",
        }))
        .unwrap();
        assert_eq!(status.facets[0].state, FacetState::Unknown);
        let action = status.upkeep.plan.map(|plan| plan.action);
        assert_eq!(action, Some(PlannedAction::Unknown));
        let source = status.upkeep.deletion_policy_source;
        assert_eq!(source, Some(DeletionPolicySource::Unknown));
    }
}
