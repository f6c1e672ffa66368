//! The reasons that an AWSProvider may show.

use operator_core::decide::reason::{
    Shown::{AtWork, Failing, InForce, Refused},
    reasons,
};

reasons! {
    /// Those that are an AWSProvider's alone.
    pub const REASONS {
        pub(crate) AUTHENTICATION_SUCCEEDED = "AuthenticationSucceeded" {
            shown: &[InForce],
            meaning: "AWS knows the credentials; `status.callerIdentity` shows as whom",
            remedy: "none",
        }

        pub(crate) WAITING_FOR_SECRET = "WaitingForSecret" {
            shown: &[AtWork, Failing],
            meaning: "the Secret that the spec names is not there yet, or (as a warning) is gone",
            remedy: "create it, in the provider's own namespace; it is picked up at once",
        }

        pub(crate) INVALID_SECRET = "InvalidSecret" {
            shown: &[Refused],
            meaning: "the Secret lacks a key, or a key in it is empty or no text",
            remedy: "correct the Secret; it is picked up at once",
        }

        pub(crate) INVALID_SPEC = "InvalidSpec" {
            shown: &[Refused],
            meaning: "the spec says what admission would refuse, as one may that was stored under an earlier schema",
            remedy: "correct the field that the message names",
        }

        pub(crate) NOT_ALLOWED = "NotAllowed" {
            shown: &[Refused],
            meaning: "the spec names a Secret of another namespace, or an external ID that it may not choose",
            remedy: "keep the Secret in the provider's own namespace; leave the external ID out, and let the trust policy ask for that of `status.externalID`",
        }

        pub(crate) ACCOUNT_CHANGED = "AccountChanged" {
            shown: &[Refused, Failing],
            meaning: "the credentials now lead to another account than the one in which resources of this provider are; nothing is done in either",
            remedy: "give it credentials of the first account again, or let another provider work in the second",
        }

        pub(crate) IN_USE = "InUse" {
            shown: &[AtWork],
            meaning: "the provider is deleted, and stays until the resources that need it are taken down",
            remedy: "delete those, or let it go at once by the annotation `abandon: \"true\"`",
        }
    }
}
