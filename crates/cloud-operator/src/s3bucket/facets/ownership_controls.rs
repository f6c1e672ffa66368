//! Who owns the objects. Removed from the spec it goes back to what AWS gives every new bucket: its owner, and
//! ACLs off.

mod ownership;

use aws_sdk_s3::types::ObjectOwnership;

use self::ownership::Ownership;
use super::{Facet, Wish, unless};
use crate::aws::{Failed, Reads, Writes};

pub(in crate::s3bucket) struct BucketOwnership;

impl Facet for BucketOwnership {
    const NAME: &'static str = "ownershipControls";
    type Value = Ownership;

    fn wanted(wish: &Wish<'_>) -> Option<Ownership> {
        wish.spec
            .ownership_controls
            .map(|spec| Ownership::of(spec.object_ownership.into()))
    }

    fn at_rest(_found: &Ownership) -> Ownership {
        Ownership::of(ObjectOwnership::BucketOwnerEnforced.as_str())
    }

    async fn read(reads: &Reads<'_>) -> Result<Ownership, Failed> {
        let found = unless(
            reads.get_bucket_ownership_controls().await,
            "OwnershipControlsNotFoundError",
        )?;
        let found = found.and_then(|found| found.ownership_controls);
        let rule = found.and_then(|found| found.rules.into_iter().next());
        Ok(Ownership {
            object_ownership: rule.map(|rule| rule.object_ownership.as_str().to_owned()),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Ownership) -> Result<(), Failed> {
        let wanted = value.to_controls();
        writes
            .put_bucket_ownership_controls(|call| call.ownership_controls(wanted))
            .await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(
            writes,
            &Ownership {
                object_ownership: None,
            },
        )
        .await
    }
}
