//! The ACL of the bucket itself. Removed from the spec it is private.

mod grants;

use std::collections::BTreeSet;

use self::grants::{of_canned, shown, to_canned};
use super::{BucketOwnership, Facet, Wish, public_access_block::BucketPublicAccessBlock};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAcl;

impl Facet for BucketAcl {
    const NAME: &'static str = "acl";
    const GUARDS: &'static [&'static str] = &[BucketOwnership::NAME, BucketPublicAccessBlock::NAME];
    /// What is granted to others than the owner.
    type Value = BTreeSet<String>;

    fn wanted(wish: &Wish<'_>) -> Option<BTreeSet<String>> {
        of_canned(wish.spec.acl?.into())
    }

    fn at_rest(_found: &BTreeSet<String>) -> BTreeSet<String> {
        BTreeSet::new()
    }

    async fn read(reads: &Reads<'_>) -> Result<BTreeSet<String>, Failed> {
        let found = reads.get_bucket_acl().await?;
        let owner = found.owner.and_then(|owner| owner.id);
        let grants = found.grants.unwrap_or_default();
        let others = grants.iter().filter_map(|grant| shown(grant, &owner));
        Ok(others.collect())
    }

    async fn write(writes: &Writes<'_>, value: &BTreeSet<String>) -> Result<(), Failed> {
        let canned = to_canned(value);
        writes.put_bucket_acl(|call| call.acl(canned)).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &BTreeSet::new()).await
    }
}
