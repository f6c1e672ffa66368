//! The reasons that come of AWS, or of the way to it. `docs/errors.md` tells which of AWS's codes leads to which.

use operator_core::engines::reasons::{
    Reason,
    Shown::{Failing, Refused},
};

use super::{AUTHENTICATION_FAILED, CALL_FAILED, codes::WRONG_REGION};

/// What objects of every kind of AWS may say.
pub const REASONS: &[Reason] = &[
    Reason {
        name: AUTHENTICATION_FAILED,
        shown: &[Failing],
        meaning: "AWS does not know the credentials, or none could be had; it concerns every object of the provider",
        remedy: "check the credentials that the AWSProvider names, the role's trust policy, and the clock of the node; the message tells AWS's words",
    },
    Reason {
        name: "AccessDenied",
        shown: &[Failing],
        meaning: "AWS knows the credentials and does not allow the call that the message names",
        remedy: "allow it by IAM policy, and let no permissions boundary, session policy, bucket policy or service control policy deny it; for a public `acl` or `policy` look at the Block Public Access of bucket and account, too",
    },
    Reason {
        name: "Throttled",
        shown: &[Failing],
        meaning: "AWS asks for fewer requests",
        remedy: "none: it goes on by itself, and fewer calls are made meanwhile",
    },
    Reason {
        name: CALL_FAILED,
        shown: &[Failing, Refused],
        meaning: "a call failed for a reason that has no name of its own; the message has AWS's code and words",
        remedy: "if the object is Stalled correct the spec, else it is tried again",
    },
    Reason {
        name: "NotSupportedByEndpoint",
        shown: &[Refused],
        meaning: "this region or endpoint does not know the call",
        remedy: "remove what asks for it from the spec",
    },
    Reason {
        name: "QuotaExceeded",
        shown: &[Failing],
        meaning: "a quota of the account is used up",
        remedy: "ask AWS for a higher one, or free some of what is used",
    },
    Reason {
        name: WRONG_REGION,
        shown: &[Refused],
        meaning: "it is, or must be, in another region than the provider's",
        remedy: "use a provider of that region, or name another resource",
    },
    Reason {
        name: "AccountMismatch",
        shown: &[Refused],
        meaning: "the credentials lead to another account than `spec.expectedAccountID` of the AWSProvider",
        remedy: "correct that field, or give the provider other credentials",
    },
    Reason {
        name: "EndpointNotAllowed",
        shown: &[Refused],
        meaning: "`spec.endpoint` of the AWSProvider is not among those that the operator may call",
        remedy: "whoever runs the operator can allow it by `ALLOWED_ENDPOINTS`, and plain http by `ALLOW_HTTP_ENDPOINTS`",
    },
    Reason {
        name: "RoleNotAllowed",
        shown: &[Refused],
        meaning: "a role that the AWSProvider names is not among those that its namespace may name",
        remedy: "whoever runs the operator can allow it by `ALLOWED_ROLES`",
    },
    Reason {
        name: "CredentialsNotAllowed",
        shown: &[Refused],
        meaning: "the AWSProvider names no credentials, and the operator's own are not for its namespace",
        remedy: "name a `credentialsSecret` or a `roleARN`; whoever runs the operator can allow it by `AMBIENT_CREDENTIALS_NAMESPACES`",
    },
    Reason {
        name: "TokenFileNotAllowed",
        shown: &[Refused],
        meaning: "`spec.webIdentity.tokenFile` of the AWSProvider is in no folder that the operator may read",
        remedy: "whoever runs the operator can allow one by `WEB_IDENTITY_TOKEN_FOLDERS`",
    },
];
