//! Guards against public access. Removed from the spec they go back to what AWS gives every new bucket: all on.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use crd_types::aws::v1alpha1::PublicAccessBlock;

use super::{Facet, Wish, of_json, sdk, to_json, unless};
use crate::{
    aws::{Failed, Reads, Writes},
    s3bucket::wire::Wire,
};

pub(super) struct BucketPublicAccessBlock;

/// Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage": the setting of new buckets.
const ALL_ON: PublicAccessBlock = PublicAccessBlock {
    block_public_acls: true,
    ignore_public_acls: true,
    block_public_policy: true,
    restrict_public_buckets: true,
};

impl Facet for BucketPublicAccessBlock {
    const NAME: &'static str = "publicAccessBlock";
    type Value = PublicAccessBlock;

    fn wanted(wish: &Wish<'_>) -> Option<PublicAccessBlock> {
        wish.spec.public_access_block
    }

    fn at_rest(_found: &PublicAccessBlock) -> PublicAccessBlock {
        ALL_ON
    }

    async fn read(reads: &Reads<'_>) -> Result<PublicAccessBlock, Failed> {
        let found = unless(
            reads.get_public_access_block().await,
            "NoSuchPublicAccessBlockConfiguration",
        )?;
        let found = found.and_then(|found| found.public_access_block_configuration);
        Ok(found.map_or_else(PublicAccessBlock::default, |found| {
            of_json::<Self>(&found.to_json())
        }))
    }

    async fn write(writes: &Writes<'_>, value: &PublicAccessBlock) -> Result<(), Failed> {
        let value = to_json::<Self>(value);
        let wanted: PublicAccessBlockConfiguration = sdk::<Self, _>(&value)?;
        writes
            .put_public_access_block(|call| call.public_access_block_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &ALL_ON).await
    }
}
