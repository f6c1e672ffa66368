//! The reasons that come of AWS, or of the way to it. `docs/errors.md` tells which of AWS's codes leads to which.

use operator_core::decide::reason::{
    Shown::{Failing, Refused},
    reasons,
};

reasons! {
    /// What an AWSProvider may say of the way to AWS. Its users say that it is not ready.
    pub const PROVIDER {
        pub(crate) AUTHENTICATION_FAILED = "AuthenticationFailed" {
            shown: &[Failing],
            meaning: "AWS does not know the credentials, or none could be had; it concerns every object of the provider",
            remedy: "check the credentials that the AWSProvider names, the role's trust policy, and the clock of the node; the message tells AWS's words",
        }

        pub(crate) ACCOUNT_MISMATCH = "AccountMismatch" {
            shown: &[Refused],
            meaning: "the credentials lead to another account than `spec.expectedAccountID` of the AWSProvider",
            remedy: "correct that field, or give the provider other credentials",
        }

        pub(crate) ENDPOINT_NOT_ALLOWED = "EndpointNotAllowed" {
            shown: &[Refused],
            meaning: "`spec.endpoint` of the AWSProvider is not among those that the operator may call",
            remedy: "whoever runs the operator can allow it by `ALLOWED_ENDPOINTS`, and plain http by `ALLOW_HTTP_ENDPOINTS`",
        }

        pub(crate) ROLE_NOT_ALLOWED = "RoleNotAllowed" {
            shown: &[Refused],
            meaning: "a role that the AWSProvider names is not among those that its namespace may name",
            remedy: "whoever runs the operator can allow it by `ALLOWED_ROLES`",
        }

        pub(crate) CREDENTIALS_NOT_ALLOWED = "CredentialsNotAllowed" {
            shown: &[Refused],
            meaning: "the AWSProvider names no credentials, and the operator's own are not for its namespace",
            remedy: "name a `credentialsSecret` or a `roleARN`; whoever runs the operator can allow it by `AMBIENT_CREDENTIALS_NAMESPACES`",
        }

        pub(crate) TOKEN_FILE_NOT_ALLOWED = "TokenFileNotAllowed" {
            shown: &[Refused],
            meaning: "`spec.webIdentity.tokenFile` of the AWSProvider is in no folder that the operator may read",
            remedy: "whoever runs the operator can allow one by `WEB_IDENTITY_TOKEN_FOLDERS`",
        }
    }
}

reasons! {
    /// What whoever calls AWS may say, providers and what is in their accounts.
    pub const ANY_CALL {
        pub(crate) THROTTLED = "Throttled" {
            shown: &[Failing],
            meaning: "AWS asks for fewer requests",
            remedy: "none: it goes on by itself, and fewer calls are made meanwhile",
        }
    }
}

reasons! {
    /// What the calls for what is in an account lead to, whatever it is.
    pub const RESOURCE {
        pub(crate) ACCESS_DENIED = "AccessDenied" {
            shown: &[Failing],
            meaning: "AWS knows the credentials and does not allow the call that the message names",
            remedy: "allow it by IAM policy, and let no permissions boundary, session policy, bucket policy or service control policy deny it; for a public `acl` or `policy` look at the Block Public Access of bucket and account, too",
        }

        pub CALL_FAILED = "CallFailed" {
            shown: &[Failing, Refused],
            meaning: "a call failed for a reason that has no name of its own; the message has AWS's code and words",
            remedy: "if the object is Stalled correct the spec, else it is tried again",
        }

        pub(crate) NOT_SUPPORTED_BY_ENDPOINT = "NotSupportedByEndpoint" {
            shown: &[Refused],
            meaning: "this region or endpoint does not know the call",
            remedy: "remove what asks for it from the spec",
        }

        pub(crate) QUOTA_EXCEEDED = "QuotaExceeded" {
            shown: &[Failing],
            meaning: "a quota of the account is used up",
            remedy: "ask AWS for a higher one, or free some of what is used",
        }

        pub(crate) WRONG_REGION = "WrongRegion" {
            shown: &[Refused],
            meaning: "what the object stands for is, or must be, in another region than the provider's",
            remedy: "use a provider of that region, or name another resource",
        }
    }
}

reasons! {
    /// What S3 alone answers.
    pub const S3 {
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
