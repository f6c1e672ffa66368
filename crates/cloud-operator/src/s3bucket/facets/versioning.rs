//! Versioning. Removed from the spec it is suspended if it was ever on: AWS knows no way back to never.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use crd_types::aws::v1alpha1::Versioning;

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

pub(in crate::s3bucket) struct BucketVersioning;

impl Facet for BucketVersioning {
    const NAME: &'static str = "versioning";
    type Value = Versioning;

    fn wanted(wish: &Wish<'_>) -> Option<Versioning> {
        wish.spec.versioning
    }

    fn at_rest(_found: &Versioning) -> Versioning {
        Versioning { enabled: false }
    }

    async fn read(reads: &Reads<'_>) -> Result<Versioning, Failed> {
        // Never enabled and suspended keep no versions alike.
        let status = reads.get_bucket_versioning().await?.status;
        Ok(Versioning {
            enabled: status == Some(BucketVersioningStatus::Enabled),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Versioning) -> Result<(), Failed> {
        let status = match value.enabled {
            true => BucketVersioningStatus::Enabled,
            false => BucketVersioningStatus::Suspended,
        };
        let wanted = VersioningConfiguration::builder().status(status).build();
        writes
            .put_bucket_versioning(|call| call.versioning_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &Versioning { enabled: false }).await
    }
}
