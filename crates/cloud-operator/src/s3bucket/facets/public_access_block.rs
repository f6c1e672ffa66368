//! Guards against public access. Removed from the spec they go back to what AWS gives every new bucket: all on.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use crd_types::aws::v1alpha1::PublicAccessBlock;

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

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
        let found = match reads.get_public_access_block().await {
            Ok(found) => found.public_access_block_configuration,
            Err(failed) if failed.is(&["NoSuchPublicAccessBlockConfiguration"]) => None,
            Err(failed) => return Err(failed),
        };
        Ok(
            found.map_or_else(PublicAccessBlock::default, |found| PublicAccessBlock {
                block_public_acls: found.block_public_acls.unwrap_or_default(),
                ignore_public_acls: found.ignore_public_acls.unwrap_or_default(),
                block_public_policy: found.block_public_policy.unwrap_or_default(),
                restrict_public_buckets: found.restrict_public_buckets.unwrap_or_default(),
            }),
        )
    }

    async fn write(writes: &Writes<'_>, value: &PublicAccessBlock) -> Result<(), Failed> {
        let wanted = PublicAccessBlockConfiguration::builder()
            .block_public_acls(value.block_public_acls)
            .ignore_public_acls(value.ignore_public_acls)
            .block_public_policy(value.block_public_policy)
            .restrict_public_buckets(value.restrict_public_buckets)
            .build();
        writes
            .put_public_access_block(|call| call.public_access_block_configuration(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &ALL_ON).await
    }
}
