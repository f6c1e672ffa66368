//! Transfer Acceleration. Off is suspended if it was ever on.

use aws_sdk_s3::types::{AccelerateConfiguration, BucketAccelerateStatus};
use crd_types::aws::v1alpha1::{S3BucketSpec, Switch};

use super::switch::OnOff;
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAccelerate;

impl OnOff for BucketAccelerate {
    const NAME: &'static str = "accelerate";

    fn of(spec: &S3BucketSpec) -> Option<Switch> {
        spec.accelerate
    }

    async fn is_on(reads: &Reads<'_>) -> Result<bool, Failed> {
        let found = reads.get_bucket_accelerate_configuration().await?;
        Ok(found.status == Some(BucketAccelerateStatus::Enabled))
    }

    async fn turn(writes: &Writes<'_>, on: bool) -> Result<(), Failed> {
        let status = match on {
            true => BucketAccelerateStatus::Enabled,
            false => BucketAccelerateStatus::Suspended,
        };
        let wanted = AccelerateConfiguration::builder().status(status).build();
        writes
            .put_bucket_accelerate_configuration(|call| call.accelerate_configuration(wanted))
            .await
    }
}
