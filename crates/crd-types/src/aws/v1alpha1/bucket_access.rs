use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Guards against public access. What is left out is false, as in AWS's own API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicAccessBlock {
    /// Refuse new ACLs that grant public access.
    #[serde(default)]
    pub block_public_acls: bool,
    /// Treat ACLs that grant public access as if they did not.
    #[serde(default)]
    pub ignore_public_acls: bool,
    /// Refuse a new bucket policy that grants public access.
    #[serde(default)]
    pub block_public_policy: bool,
    /// Let only the account and AWS's services use a bucket whose policy grants public access.
    #[serde(default)]
    pub restrict_public_buckets: bool,
}

/// Who owns the objects of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnershipControls {
    /// BucketOwnerEnforced: ACLs are off and the bucket's owner owns every object. BucketOwnerPreferred: the
    /// owner gets objects written with the ACL bucket-owner-full-control. ObjectWriter: each account keeps
    /// what it writes.
    pub object_ownership: ObjectOwnership,
}

/// A rule of object ownership.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
pub enum ObjectOwnership {
    /// ACLs are off.
    BucketOwnerEnforced,
    /// The bucket's owner gets what is written with `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// Each account keeps what it writes.
    ObjectWriter,
}

/// A canned ACL.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CannedAcl {
    /// The owner alone: what AWS gives every new bucket.
    Private,
    /// Everybody may read.
    PublicRead,
    /// Everybody may read and write.
    PublicReadWrite,
    /// Every AWS account may read.
    AuthenticatedRead,
}

/// Who pays for requests and downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestPayment {
    /// BucketOwner, or Requester: then nobody without an AWS account gets anything.
    pub payer: Payer,
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Payer {
    /// The owner of the bucket.
    BucketOwner,
    /// Whoever asks.
    Requester,
}
