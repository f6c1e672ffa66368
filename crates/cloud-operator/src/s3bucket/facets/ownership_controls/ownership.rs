//! A rule of who owns the objects, and none.

use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::s3bucket) struct Ownership {
    /// As AWS writes it; none for a bucket from before AWS had such controls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) object_ownership: Option<String>,
}

impl Ownership {
    pub(super) fn of(ownership: &str) -> Self {
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

    /// The same as controls of a bucket.
    pub(super) fn to_controls(&self) -> OwnershipControls {
        let rule = OwnershipControlsRule::builder()
            .object_ownership(self.to_sdk())
            .build();
        let rule = rule.expect("the ownership is given");
        let controls = OwnershipControls::builder().rules(rule).build();
        controls.expect("a rule is given")
    }
}
