//! Who owns the objects. Removed from the spec it goes back to what AWS gives every new bucket: its owner, and
//! ACLs off.

use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule};
use serde::{Deserialize, Serialize};

use super::{Facet, Wish};
use crate::aws::{Failed, Reads, Writes};

pub(in crate::s3bucket) struct BucketOwnership;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::s3bucket) struct Ownership {
    /// As AWS writes it; none for a bucket from before AWS had such controls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ownership: Option<String>,
}

impl Ownership {
    fn of(ownership: &str) -> Self {
        Self {
            object_ownership: Some(ownership.to_owned()),
        }
    }

    /// As the SDK wants it.
    pub fn to_sdk(&self) -> ObjectOwnership {
        self.object_ownership
            .as_deref()
            .map_or(ObjectOwnership::BucketOwnerEnforced, ObjectOwnership::from)
    }
}

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
        let found = match reads.get_bucket_ownership_controls().await {
            Ok(found) => found.ownership_controls,
            Err(failed) if failed.is(&["OwnershipControlsNotFoundError"]) => None,
            Err(failed) => return Err(failed),
        };
        let rule = found.and_then(|found| found.rules.into_iter().next());
        Ok(Ownership {
            object_ownership: rule.map(|rule| rule.object_ownership.as_str().to_owned()),
        })
    }

    async fn write(writes: &Writes<'_>, value: &Ownership) -> Result<(), Failed> {
        let rule = OwnershipControlsRule::builder()
            .object_ownership(value.to_sdk())
            .build();
        let rule = rule.expect("the ownership is given");
        let wanted = OwnershipControls::builder()
            .rules(rule)
            .build()
            .expect("a rule is given");
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
