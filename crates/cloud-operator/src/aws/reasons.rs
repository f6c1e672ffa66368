//! The reasons that come of AWS, or of the way to it. `docs/errors.md` tells which of AWS's codes leads to which.

use operator_core::decide::reason::{
    Shown::{Failing, Refused},
    reasons,
};

reasons! {
    /// What objects of every kind of AWS may say.
    pub const REASONS {
        pub(crate) AUTHENTICATION_FAILED = "AuthenticationFailed" {
            shown: &[Failing],
            meaning: "AWS does not know the credentials, or none could be had; it concerns every object of the provider",
            remedy: "check the credentials that the AWSProvider names, the role's trust policy, and the clock of the node; the message tells AWS's words",
        }

        pub(crate) ACCESS_DENIED = "AccessDenied" {
            shown: &[Failing],
            meaning: "AWS knows the credentials and does not allow the call that the message names",
            remedy: "allow it by IAM policy, and let no permissions boundary, session policy, bucket policy or service control policy deny it; for a public `acl` or `policy` look at the Block Public Access of bucket and account, too",
        }

        pub(crate) THROTTLED = "Throttled" {
            shown: &[Failing],
            meaning: "AWS asks for fewer requests",
            remedy: "none: it goes on by itself, and fewer calls are made meanwhile",
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
            meaning: "it is, or must be, in another region than the provider's",
            remedy: "use a provider of that region, or name another resource",
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
