//! The reasons that an S3Bucket may show.

use operator_core::decide::reason::{
    Shown::{AtWork, Failing, InForce, Refused},
    reasons,
};

reasons! {
    /// Those that are an S3Bucket's alone.
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

        pub(crate) BUCKET_NAME_TAKEN = "BucketNameTaken" {
            shown: &[Refused],
            meaning: "another AWS account holds this name, which is unique in a partition",
            remedy: "choose another `bucketName`, in another object",
        }

        pub(crate) BUCKET_APPEARED = "BucketAppeared" {
            shown: &[Failing],
            meaning: "the bucket has appeared in the account while it was to be made",
            remedy: "none: it is looked at again",
        }

        pub(crate) BUCKET_NOT_FOUND = "BucketNotFound" {
            shown: &[Failing],
            meaning: "the bucket is not there, or not shown yet",
            remedy: "none: it is looked at again",
        }

        pub(crate) BUCKET_NOT_EMPTY = "BucketNotEmpty" {
            shown: &[Failing],
            meaning: "the bucket is to be deleted and holds objects, versions or delete markers",
            remedy: "remove them, set `emptyOnDelete`, or keep the bucket with `deletionPolicy: Retain` or `Orphan`",
        }

        pub(crate) OBJECTS_KEPT = "ObjectsKept" {
            shown: &[Failing],
            meaning: "the bucket is to be emptied, and AWS keeps what object lock or MFA delete protects, or what may not be deleted",
            remedy: "remove what the message names yourself, or keep the bucket with `deletionPolicy: Retain` or `Orphan`",
        }

        pub(crate) ONE_WAY = "OneWay" {
            shown: &[Refused],
            meaning: "what the spec asks for has no way back in AWS, or what the bucket has stands in its way",
            remedy: "undo the edit: versioning stays while object lock or replication needs it, and object lock is never turned off",
        }

        pub(crate) ACLS_DISABLED = "AclsDisabled" {
            shown: &[Refused],
            meaning: "the bucket's ownership allows no ACL other than `private`",
            remedy: "set `ownershipControls`, and, as such an ACL is public and a new bucket blocks public access, lower `publicAccessBlock.blockPublicAcls` and `ignorePublicAcls`; or say the same by a policy, for which those are `blockPublicPolicy` and `restrictPublicBuckets`. The account's own block has to allow it, too",
        }

        pub(crate) KEY_NOT_USABLE = "KeyNotUsable" {
            shown: &[Failing],
            meaning: "AWS cannot use the KMS key",
            remedy: "let the key exist in the bucket's region, be enabled, and be one for symmetric encryption",
        }

        pub(crate) TARGET_NOT_USABLE = "TargetNotUsable" {
            shown: &[Failing],
            meaning: "what the bucket is to send to (a log bucket, a queue, a topic, a function, a replica) is not there or does not accept it",
            remedy: "make it, and let its policy admit S3; the destination of copies needs versioning, too",
        }
    }
}
