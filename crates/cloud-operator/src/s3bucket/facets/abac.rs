//! Whether the bucket's tags decide who may use it.

use aws_sdk_s3::types::{AbacStatus, BucketAbacStatus};
use crd_types::aws::v1alpha1::{S3BucketSpec, Switch};

use super::switch::OnOff;
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAbac;

impl OnOff for BucketAbac {
    const NAME: &'static str = "abac";

    fn of(spec: &S3BucketSpec) -> Option<Switch> {
        spec.abac
    }

    async fn is_on(reads: &Reads<'_>) -> Result<bool, Failed> {
        let found = reads.get_bucket_abac().await?.abac_status;
        Ok(found.and_then(|found| found.status) == Some(BucketAbacStatus::Enabled))
    }

    async fn turn(writes: &Writes<'_>, on: bool) -> Result<(), Failed> {
        let status = match on {
            true => BucketAbacStatus::Enabled,
            false => BucketAbacStatus::Disabled,
        };
        let wanted = AbacStatus::builder().status(status).build();
        writes
            .put_bucket_abac(|call| call.abac_status(wanted))
            .await
    }
}
