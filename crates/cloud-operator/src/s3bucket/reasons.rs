//! The reasons that an S3Bucket may show.

use operator_core::decide::reason::{
    Shown::{AtWork, Failing, InForce, Refused},
    reasons,
};

reasons! {
    /// Those that are an S3Bucket's alone, beside what S3 answers.
    pub const REASONS {
        pub(crate) BUCKET_READY = "BucketReady" {
            shown: &[InForce],
            meaning: "the bucket is as the spec says",
            remedy: "none",
        }

        pub(crate) BUCKET_NOT_READY = "BucketNotReady" {
            shown: &[Failing, Refused],
            meaning: "a part of the bucket could not be read or written; `status.facets` tells which, and AWS's code and words",
            remedy: "if the object is Stalled correct the spec, else it is tried again",
        }

        pub(crate) CREATION_FAILED = "CreationFailed" {
            shown: &[Failing, Refused],
            meaning: "the bucket could not be made; the message has AWS's code and words",
            remedy: "if the object is Stalled correct the spec, else it is tried again",
        }

        pub(crate) WAITING_FOR_PROVIDER = "WaitingForProvider" {
            shown: &[AtWork],
            meaning: "the AWSProvider that `spec.providerRef` names does not exist, or was not looked at yet",
            remedy: "create it; the bucket goes on at once",
        }

        pub(crate) NOT_ALLOWED = "NotAllowed" {
            shown: &[Refused],
            meaning: "the AWSProvider is in another namespace and does not allow this one",
            remedy: "add the bucket's namespace to its `allowedNamespaces`",
        }

        pub(crate) INVALID_SPEC = "InvalidSpec" {
            shown: &[Refused],
            meaning: "the spec cannot be said to AWS; the message names the field",
            remedy: "correct that field",
        }

        pub(crate) ACCOUNT_CHANGED = "AccountChanged" {
            shown: &[Refused],
            meaning: "the bucket is in another account than the one in which the AWSProvider works now; nothing is done in either",
            remedy: "let the provider, or another one, work in the bucket's account",
        }

        pub(crate) ENDPOINT_CHANGED = "EndpointChanged" {
            shown: &[Refused],
            meaning: "the bucket is in another store than the one that the AWSProvider works with now (`spec.endpoint`, or AWS without one); nothing is done in either",
            remedy: "let the provider, or another one, work with the bucket's store; if that store itself has another endpoint now, delete the object with deletion policy `Retain` and create it again",
        }

        pub(crate) OBJECTS_KEPT = "ObjectsKept" {
            shown: &[Failing],
            meaning: "the bucket is to be emptied, and AWS keeps what object lock or MFA delete protects, or what may not be deleted",
            remedy: "remove what the message names yourself, or keep the bucket with `deletionPolicy: Retain` or `Orphan`",
        }
    }
}
