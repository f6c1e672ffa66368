//! Transfer Acceleration. Removed from the spec it is suspended if it was ever on.

use aws_sdk_s3::types::{AccelerateConfiguration, BucketAccelerateStatus};
use crd_types::aws::v1alpha1::Switch;

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAccelerate;

impl Facet for BucketAccelerate {
    const NAME: &'static str = "accelerate";
    type Value = Switch;

    fn wanted(wish: &Wish<'_>) -> Option<Switch> {
        wish.spec.accelerate
    }

    fn at_rest(_found: &Switch) -> Switch {
        Switch { enabled: false }
    }

    async fn read(reads: &Reads<'_>) -> Result<Switch, Failed> {
        // Never on and suspended are alike.
        let status = reads.get_bucket_accelerate_configuration().await?.status;
        Ok(Switch {
            enabled: status == Some(BucketAccelerateStatus::Enabled),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        let status = match value.enabled {
            true => BucketAccelerateStatus::Enabled,
            false => BucketAccelerateStatus::Suspended,
        };
        let wanted = AccelerateConfiguration::builder().status(status).build();
        writes
            .put_bucket_accelerate_configuration(|call| call.accelerate_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &Switch { enabled: false }).await
    }
}
