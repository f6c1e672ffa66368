//! What AWS's error codes mean: one table, and the status of answers without a code that is known.
//!
//! The codes are those of the error lists of Amazon S3, AWS STS and AWS KMS, of the errors common to AWS's APIs,
//! and those by which AWS's SDKs recognise throttling.

use operator_core::decide::{
    outcome::{
        Class::{self, Blocked, Terminal, Throttled, Transient, UnknownOutcome},
        Scope::{self, Object, Provider, Service},
    },
    reason::Reason,
};

use super::{
    fault::{Call, Effect},
    reasons::{
        ACCESS_DENIED, ACLS_DISABLED, AUTHENTICATION_FAILED, BUCKET_APPEARED, BUCKET_NAME_TAKEN,
        BUCKET_NOT_EMPTY, BUCKET_NOT_FOUND, CALL_FAILED, KEY_NOT_USABLE, NOT_SUPPORTED_BY_ENDPOINT,
        ONE_WAY, QUOTA_EXCEEDED, TARGET_NOT_USABLE, THROTTLED, WRONG_REGION,
    },
};

/// What the codes mean that match.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The codes. A `*` at either end stands for anything.
    pub codes: &'static [&'static str],
    /// What they mean.
    pub meaning: Meaning,
}

/// What an answer of AWS means.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// `UnknownOutcome` where a write may have happened all the same.
    pub class: Class,
    /// What else it stops.
    pub scope: Scope,
    /// What it is called on the object.
    pub reason: Reason,
    /// What to do; `{action}` stands for the call.
    pub hint: &'static str,
}

const fn row(
    codes: &'static [&'static str],
    class: Class,
    scope: Scope,
    reason: Reason,
    hint: &'static str,
) -> Row {
    Row {
        codes,
        meaning: Meaning {
            class,
            scope,
            reason,
            hint,
        },
    }
}

const CREDENTIALS: &str = "check the credentials that the AWSProvider names";
const SPEC: &str = "correct the spec";

/// The first row that matches counts, so whole codes stand before patterns.
pub const BY_CODE: &[Row] = &[
    row(
        &[
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottledException",
            "RequestThrottled",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "SlowDown",
            "PriorRequestNotComplete",
            "EC2ThrottledException",
            "KmsThrottled",
            "KMS.ThrottlingException",
        ],
        Throttled,
        Service,
        THROTTLED,
        "AWS asks for fewer requests; it is tried again later",
    ),
    row(
        &[
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceUnavailable",
            "OperationAborted",
        ],
        Transient,
        Object,
        CALL_FAILED,
        "it is tried again",
    ),
    row(
        &["InternalError", "InternalFailure", "ServiceFailure"],
        UnknownOutcome,
        Object,
        CALL_FAILED,
        "it is tried again",
    ),
    row(
        &["IDPCommunicationError"],
        Transient,
        Provider,
        AUTHENTICATION_FAILED,
        "AWS cannot reach the identity provider that issues the Pod's token; it is tried again",
    ),
    row(
        &["RequestTimeTooSkewed", "RequestExpired"],
        Blocked,
        Provider,
        AUTHENTICATION_FAILED,
        "check the clock of the operator's node",
    ),
    row(
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRefreshRequired",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "InvalidSecurity",
            "AuthFailure",
            "InvalidIdentityToken",
            "IDPRejectedClaim",
            "PackedPolicyTooLarge",
        ],
        Blocked,
        Provider,
        AUTHENTICATION_FAILED,
        CREDENTIALS,
    ),
    row(
        &["RegionDisabledException"],
        Blocked,
        Provider,
        AUTHENTICATION_FAILED,
        "enable the region's STS endpoint in the account, or use another region",
    ),
    row(
        &[
            "AccountProblem",
            "AllAccessDisabled",
            "NotSignedUp",
            "OptInRequired",
            "SubscriptionRequired",
        ],
        Blocked,
        Provider,
        AUTHENTICATION_FAILED,
        "the account itself is not in order; look at it in the AWS console",
    ),
    row(
        &[
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AuthorizationError",
        ],
        Blocked,
        Object,
        ACCESS_DENIED,
        "allow {action} to the provider's identity (IAM policy, permissions boundary, session policy, bucket policy, \
         service control policy; for a public acl or policy Block Public Access of bucket and account, too)",
    ),
    row(
        &["BucketAlreadyExists"],
        Terminal,
        Object,
        BUCKET_NAME_TAKEN,
        "another AWS account holds this name, which is unique in a partition; choose another bucketName",
    ),
    row(
        &["BucketAlreadyOwnedByYou"],
        UnknownOutcome,
        Object,
        BUCKET_APPEARED,
        "the bucket has appeared in this account meanwhile; it is looked at again",
    ),
    row(
        &["BucketNotEmpty"],
        Blocked,
        Object,
        BUCKET_NOT_EMPTY,
        "remove every object, including old versions and delete markers, or keep the bucket with \
         deletionPolicy Retain or Orphan",
    ),
    row(
        &["NoSuchBucket"],
        Transient,
        Object,
        BUCKET_NOT_FOUND,
        "the bucket is not there, or not shown yet; it is looked at again",
    ),
    row(
        &[
            "PermanentRedirect",
            "TemporaryRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "InvalidLocationConstraint",
            "InvalidRegion",
        ],
        Terminal,
        Object,
        WRONG_REGION,
        "let the AWSProvider name the region in which the bucket is or shall be",
    ),
    row(
        &[
            "MethodNotAllowed",
            "NotImplemented",
            "UnsupportedArgument",
            "UnsupportedOperation",
        ],
        Terminal,
        Object,
        NOT_SUPPORTED_BY_ENDPOINT,
        "this region or endpoint does not know {action}; remove what asks for it from the spec",
    ),
    row(
        &[
            "TooManyBuckets",
            "*LimitExceeded",
            "*QuotaExceeded",
            "Insufficient*",
        ],
        Blocked,
        Object,
        QUOTA_EXCEEDED,
        "ask AWS for a higher quota or free some of what is used",
    ),
    row(
        &["KMS.*"],
        Blocked,
        Object,
        KEY_NOT_USABLE,
        "check that the KMS key exists in the bucket's region, is enabled and is one for symmetric encryption",
    ),
    row(
        &[
            "ConditionalRequestConflict",
            "PreconditionFailed",
            "ConflictException",
        ],
        Transient,
        Object,
        CALL_FAILED,
        "something else changes it at the same time; it is tried again",
    ),
    row(
        &["InvalidBucketState"],
        Terminal,
        Object,
        ONE_WAY,
        "what the bucket has stands in the way of {action}: object lock and replication need versioning, and AWS \
         never turns object lock off",
    ),
    row(
        &[
            "AccessControlListNotSupported",
            "InvalidBucketAclWithObjectOwnership",
        ],
        Terminal,
        Object,
        ACLS_DISABLED,
        "an ACL other than private needs ownershipControls with BucketOwnerPreferred or ObjectWriter and, as it is \
         public, blockPublicAcls and ignorePublicAcls lowered; a policy does the same without ACLs",
    ),
    row(
        &["InvalidTargetBucketForLogging", "InvalidDestination"],
        Blocked,
        Object,
        TARGET_NOT_USABLE,
        "let the target exist and accept what S3 sends it (its policy; for copies, its versioning); it is tried again",
    ),
    row(
        &["Invalid*", "Malformed*", "Validation*"],
        Terminal,
        Object,
        CALL_FAILED,
        SPEC,
    ),
];

/// By these codes AWS says of these calls alone that the queue, topic or function is not there or does not let S3 in,
/// and that the bucket of the copies is not there or has no versioning yet: they count as `InvalidDestination`.
pub const NOT_USABLE: [(&str, &str); 2] = [
    ("s3:PutBucketNotification", "InvalidArgument"),
    ("s3:PutReplicationConfiguration", "InvalidRequest"),
];

/// What to do where STS, which is asked for the provider alone, answers what means this elsewhere; the other hints hold
/// for it, too.
pub const OF_STS: [(Reason, &str); 3] = [
    (
        ACCESS_DENIED,
        "let the role's trust policy admit the identity that takes it on, and allow that identity {action} by its IAM \
         policy",
    ),
    (WRONG_REGION, STS_ELSEWHERE),
    (NOT_SUPPORTED_BY_ENDPOINT, STS_ELSEWHERE),
];
const STS_ELSEWHERE: &str = "let the AWSProvider name a region, or an endpoint, at which STS is";

/// What an answer with this status and code means.
pub(super) fn meaning(call: Call, status: u16, code: Option<&str>) -> Meaning {
    let code = code.map(|code| match NOT_USABLE.contains(&(call.action, code)) {
        true => "InvalidDestination",
        false => code,
    });
    match (code, code.and_then(by_code)) {
        (_, Some(meaning)) => meaning,
        // AWS says in words what is wrong with the request.
        (Some(_), None) if status == 400 => Meaning {
            class: Terminal,
            scope: Object,
            reason: CALL_FAILED,
            hint: SPEC,
        },
        _ => by_status(call, status),
    }
}

/// What an answer means whose code is unknown, or that had none.
pub fn by_status(call: Call, status: u16) -> Meaning {
    let (class, scope, reason, hint) = match status {
        // HeadBucket has no body, so no code: 400 is what it answers to credentials that AWS refuses, and to whoever
        // looks in another region, which whoever looks has to tell apart by the region that a header names.
        400 if call.effect == Effect::Read => {
            (Blocked, Provider, AUTHENTICATION_FAILED, CREDENTIALS)
        }
        300..=399 => (
            Terminal,
            Object,
            WRONG_REGION,
            "let the AWSProvider name the bucket's region",
        ),
        401 => (Blocked, Provider, AUTHENTICATION_FAILED, CREDENTIALS),
        403 => (
            Blocked,
            Object,
            ACCESS_DENIED,
            "allow {action} to the provider's identity",
        ),
        404 => (Transient, Object, CALL_FAILED, "it is looked at again"),
        409 | 412 => (Transient, Object, CALL_FAILED, "it is tried again"),
        429 | 503 => (
            Throttled,
            Service,
            THROTTLED,
            "AWS asks for fewer requests; it is tried again later",
        ),
        405 | 501 => (
            Terminal,
            Object,
            NOT_SUPPORTED_BY_ENDPOINT,
            "the endpoint does not know {action}",
        ),
        400..=499 => (Terminal, Object, CALL_FAILED, SPEC),
        _ => (UnknownOutcome, Object, CALL_FAILED, "it is tried again"),
    };
    Meaning {
        class,
        scope,
        reason,
        hint,
    }
}

fn by_code(code: &str) -> Option<Meaning> {
    let matches = |pattern: &&str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => code.ends_with(end),
        (_, Some(start)) => code.starts_with(start),
        _ => *pattern == code,
    };
    BY_CODE
        .iter()
        .find(|row| row.codes.iter().any(matches))
        .map(|row| row.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Call = Call::read("s3:ListBucket");
    const WRITE: Call = Call::write("s3:PutBucketTagging");

    fn of_code(code: &str) -> (Class, Scope, Reason) {
        let Meaning {
            class,
            scope,
            reason,
            ..
        } = meaning(WRITE, 400, Some(code));
        (class, scope, reason)
    }

    fn of_status(call: Call, status: u16) -> (Class, Scope, Reason) {
        let Meaning {
            class,
            scope,
            reason,
            ..
        } = meaning(call, status, None);
        (class, scope, reason)
    }

    #[test]
    fn every_code_has_its_meaning() {
        type Expected = (&'static [&'static str], (Class, Scope, Reason));
        let table: &[Expected] = &[
            (
                &[
                    "Throttling",
                    "ThrottlingException",
                    "ThrottledException",
                    "RequestThrottledException",
                    "RequestThrottled",
                    "TooManyRequestsException",
                    "ProvisionedThroughputExceededException",
                    "TransactionInProgressException",
                    "RequestLimitExceeded",
                    "BandwidthLimitExceeded",
                    "LimitExceededException",
                    "SlowDown",
                    "PriorRequestNotComplete",
                    "EC2ThrottledException",
                    "KmsThrottled",
                    "KMS.ThrottlingException",
                ],
                (Throttled, Service, THROTTLED),
            ),
            (
                &[
                    "RequestTimeout",
                    "RequestTimeoutException",
                    "ServiceUnavailable",
                    "OperationAborted",
                ],
                (Transient, Object, CALL_FAILED),
            ),
            (
                &["InternalError", "InternalFailure", "ServiceFailure"],
                (UnknownOutcome, Object, CALL_FAILED),
            ),
            (
                &["IDPCommunicationError"],
                (Transient, Provider, AUTHENTICATION_FAILED),
            ),
            (
                &[
                    "ExpiredToken",
                    "ExpiredTokenException",
                    "TokenRefreshRequired",
                    "RequestExpired",
                    "RequestTimeTooSkewed",
                    "InvalidClientTokenId",
                    "UnrecognizedClientException",
                    "SignatureDoesNotMatch",
                    "IncompleteSignature",
                    "MissingAuthenticationToken",
                    "InvalidAccessKeyId",
                    "InvalidToken",
                    "InvalidSecurity",
                    "AuthFailure",
                    "InvalidIdentityToken",
                    "IDPRejectedClaim",
                    "PackedPolicyTooLarge",
                    "RegionDisabledException",
                    "AccountProblem",
                    "AllAccessDisabled",
                    "NotSignedUp",
                    "OptInRequired",
                    "SubscriptionRequired",
                ],
                (Blocked, Provider, AUTHENTICATION_FAILED),
            ),
            (
                &[
                    "AccessDenied",
                    "AccessDeniedException",
                    "UnauthorizedOperation",
                    "AuthorizationError",
                ],
                (Blocked, Object, ACCESS_DENIED),
            ),
            (
                &["BucketAlreadyExists"],
                (Terminal, Object, BUCKET_NAME_TAKEN),
            ),
            (
                &["BucketAlreadyOwnedByYou"],
                (UnknownOutcome, Object, BUCKET_APPEARED),
            ),
            (&["BucketNotEmpty"], (Blocked, Object, BUCKET_NOT_EMPTY)),
            (&["NoSuchBucket"], (Transient, Object, BUCKET_NOT_FOUND)),
            (
                &[
                    "PermanentRedirect",
                    "TemporaryRedirect",
                    "AuthorizationHeaderMalformed",
                    "IllegalLocationConstraintException",
                    "InvalidLocationConstraint",
                    "InvalidRegion",
                ],
                (Terminal, Object, WRONG_REGION),
            ),
            (
                &[
                    "MethodNotAllowed",
                    "NotImplemented",
                    "UnsupportedArgument",
                    "UnsupportedOperation",
                ],
                (Terminal, Object, NOT_SUPPORTED_BY_ENDPOINT),
            ),
            (
                &[
                    "TooManyBuckets",
                    "VpcLimitExceeded",
                    "BucketQuotaExceeded",
                    "InsufficientCapacity",
                ],
                (Blocked, Object, QUOTA_EXCEEDED),
            ),
            (
                &["KMS.DisabledException", "KMS.NotFoundException"],
                (Blocked, Object, KEY_NOT_USABLE),
            ),
            (
                &[
                    "ConditionalRequestConflict",
                    "PreconditionFailed",
                    "ConflictException",
                ],
                (Transient, Object, CALL_FAILED),
            ),
            (&["InvalidBucketState"], (Terminal, Object, ONE_WAY)),
            (
                &[
                    "AccessControlListNotSupported",
                    "InvalidBucketAclWithObjectOwnership",
                ],
                (Terminal, Object, ACLS_DISABLED),
            ),
            (
                &["InvalidTargetBucketForLogging", "InvalidDestination"],
                (Blocked, Object, TARGET_NOT_USABLE),
            ),
            (
                &["InvalidArgument", "MalformedXML", "ValidationError"],
                (Terminal, Object, CALL_FAILED),
            ),
            (&["NeverHeardOf"], (Terminal, Object, CALL_FAILED)),
        ];
        for (codes, expected) in table {
            for code in *codes {
                assert_eq!(of_code(code), *expected, "{code}");
            }
        }
        let told: Vec<&str> = table
            .iter()
            .flat_map(|(codes, _)| codes.iter().copied())
            .collect();
        for listed in BY_CODE
            .iter()
            .flat_map(|row| row.codes)
            .filter(|code| !code.contains('*'))
        {
            assert!(
                told.contains(listed),
                "{listed} is in the table and has no test"
            );
        }
    }

    #[test]
    fn a_target_that_is_not_ready_is_waited_for() {
        for (action, code) in [
            ("s3:PutBucketNotification", "InvalidArgument"),
            ("s3:PutReplicationConfiguration", "InvalidRequest"),
        ] {
            let of = |action, code| {
                let meaning = meaning(Call::write(action), 400, Some(code));
                (meaning.class, meaning.reason)
            };
            assert_eq!(of(action, code), (Blocked, TARGET_NOT_USABLE), "{action}");
            assert_eq!(
                of(action, "MalformedXML"),
                (Terminal, CALL_FAILED),
                "{action}"
            );
            assert_eq!(of("s3:PutBucketTagging", code), (Terminal, CALL_FAILED));
        }
    }

    #[test]
    fn every_status_has_its_meaning() {
        for (call, status, expected) in [
            (READ, 400, (Blocked, Provider, AUTHENTICATION_FAILED)),
            (WRITE, 400, (Terminal, Object, CALL_FAILED)),
            (READ, 301, (Terminal, Object, WRONG_REGION)),
            (READ, 401, (Blocked, Provider, AUTHENTICATION_FAILED)),
            (READ, 403, (Blocked, Object, ACCESS_DENIED)),
            (READ, 404, (Transient, Object, CALL_FAILED)),
            (WRITE, 405, (Terminal, Object, NOT_SUPPORTED_BY_ENDPOINT)),
            (WRITE, 409, (Transient, Object, CALL_FAILED)),
            (WRITE, 412, (Transient, Object, CALL_FAILED)),
            (WRITE, 418, (Terminal, Object, CALL_FAILED)),
            (READ, 429, (Throttled, Service, THROTTLED)),
            (READ, 500, (UnknownOutcome, Object, CALL_FAILED)),
            (WRITE, 501, (Terminal, Object, NOT_SUPPORTED_BY_ENDPOINT)),
            (READ, 502, (UnknownOutcome, Object, CALL_FAILED)),
            (READ, 503, (Throttled, Service, THROTTLED)),
            (READ, 504, (UnknownOutcome, Object, CALL_FAILED)),
        ] {
            assert_eq!(of_status(call, status), expected, "{status}");
        }
        assert_eq!(
            meaning(WRITE, 503, Some("NeverHeardOf")).reason,
            THROTTLED,
            "an unknown code counts by its status"
        );
    }
}
