//! What a bucket is called outside.

use std::fmt;

use crd_types::aws::v1alpha1::{AccountId, BucketName, Partition, Region};

use super::store::Store;

/// A bucket by name, owner and place: enough to find and delete it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name, unique in the partition.
    pub name: BucketName,
    /// The account that owns it.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// The part of AWS that the account is in.
    pub partition: Partition,
    /// The store that it is in; none where an earlier version has not written it down.
    pub store: Option<Store>,
}

impl Bucket {
    /// `arn:partition:s3:::name` (Service Authorization Reference, "Actions, resources, and condition keys for
    /// Amazon S3").
    pub fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.name)
    }

    /// What it is called within its store.
    fn within(&self) -> (&BucketName, &AccountId, &Region, &Partition) {
        let Self {
            name,
            account,
            region,
            partition,
            store: _,
        } = self;
        (name, account, region, partition)
    }
}

/// Whether they are called alike. Another store than the one that was written down is refused before anything is asked
/// of it, and one that was not written down is the one that is used.
impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        self.within() == other.within()
    }
}

impl Eq for Bucket {}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "bucket {} of account {} in {}",
            self.name, self.account, self.region
        )
    }
}
