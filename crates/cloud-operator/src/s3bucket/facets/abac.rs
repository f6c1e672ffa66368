//! Whether the bucket's tags decide who may use it. Removed from the spec they do not.

use aws_sdk_s3::types::{AbacStatus, BucketAbacStatus};
use crd_types::aws::v1alpha1::Switch;

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAbac;

impl Facet for BucketAbac {
    const NAME: &'static str = "abac";
    type Value = Switch;

    fn wanted(wish: &Wish<'_>) -> Option<Switch> {
        wish.spec.abac
    }

    fn at_rest(_found: &Switch) -> Switch {
        Switch { enabled: false }
    }

    async fn read(reads: &Reads<'_>) -> Result<Switch, Failed> {
        let found = reads.get_bucket_abac().await?.abac_status;
        let status = found.and_then(|found| found.status);
        Ok(Switch {
            enabled: status == Some(BucketAbacStatus::Enabled),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        let status = match value.enabled {
            true => BucketAbacStatus::Enabled,
            false => BucketAbacStatus::Disabled,
        };
        let wanted = AbacStatus::builder().status(status).build();
        writes
            .put_bucket_abac(|call| call.abac_status(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &Switch { enabled: false }).await
    }
}
