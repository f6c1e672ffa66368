//! What a bucket is called outside.

use std::fmt;

use crd_types::aws::v1alpha1::{AccountId, BucketName, Partition, Region};

/// A bucket by name, owner and place: enough to find and delete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name, unique in the partition.
    pub name: BucketName,
    /// The account that owns it.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// The part of AWS that the account is in.
    pub partition: Partition,
}

impl Bucket {
    /// `arn:partition:s3:::name` (Service Authorization Reference, "Actions, resources, and condition keys for
    /// Amazon S3").
    pub fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.name)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "bucket {} of account {} in {}",
            self.name, self.account, self.region
        )
    }
}
