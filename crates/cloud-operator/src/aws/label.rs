//! Error codes as labels of metrics, which are few: those that AWS documents. A store behind an endpoint may answer
//! anything.

use super::codes::BY_CODE;

/// Any other code.
const OTHER: &str = "Other";

/// The codes that only a pattern of the table matches, and some that none does: Amazon S3 API Reference, "Error responses";
/// AWS STS and AWS KMS API References, "Common Errors".
const DOCUMENTED: &[&str] = &[
    "AccessPointAlreadyOwnedByYou",
    "AmbiguousGrantByEmailAddress",
    "BadDigest",
    "BadRequest",
    "BucketHasAccessPointsAttached",
    "CredentialsNotSupported",
    "CrossLocationLoggingProhibited",
    "DependencyTimeoutException",
    "DeviceNotActiveError",
    "EndpointNotFound",
    "EntityTooLarge",
    "EntityTooSmall",
    "ExpiredTradeInTokenException",
    "IllegalVersioningConfigurationException",
    "IncompleteBody",
    "IncorrectEndpoint",
    "IncorrectNumberOfFilesInPostRequest",
    "InlineDataTooLarge",
    "InsufficientStorageCapacity",
    "InvalidAccessPoint",
    "InvalidAccessPointAliasError",
    "InvalidAction",
    "InvalidAddressingHeader",
    "InvalidArgument",
    "InvalidArnException",
    "InvalidAttributeValue",
    "InvalidAuthorizationMessage",
    "InvalidBucketName",
    "InvalidBucketOwnerAWSAccountID",
    "InvalidCORSRequest",
    "InvalidDigest",
    "InvalidEncryptionAlgorithmError",
    "InvalidHostHeader",
    "InvalidHttpMethod",
    "InvalidKeyUsageException",
    "InvalidObjectState",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidPayer",
    "InvalidPolicyDocument",
    "InvalidQueryParameter",
    "InvalidRange",
    "InvalidRequest",
    "InvalidRequestId",
    "InvalidRoutingConfigurationException",
    "InvalidSessionException",
    "InvalidSignature",
    "InvalidStorageClass",
    "InvalidTag",
    "InvalidTargetType",
    "InvalidURI",
    "KMS.DisabledException",
    "KMS.InvalidKeyUsageException",
    "KMS.InvalidStateException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
    "KeyTooLongError",
    "MalformedACLError",
    "MalformedPOSTRequest",
    "MalformedPolicy",
    "MalformedPolicyDocument",
    "MalformedQueryString",
    "MalformedXML",
    "MaxMessageLengthExceeded",
    "MaxPostPreDataLengthExceededError",
    "MetadataTooLarge",
    "MissingAction",
    "MissingAttachment",
    "MissingContentLength",
    "MissingParameter",
    "MissingRequestBodyError",
    "MissingSecurityElement",
    "MissingSecurityHeader",
    "NoLoggingStatusForKey",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchConfiguration",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "NoSuchUpload",
    "NoSuchVersion",
    "NoSuchWebsiteConfiguration",
    "NotDeviceOwnerError",
    "NotFound",
    "ObjectLockConfigurationNotFoundError",
    "OperationNotSupported",
    "OwnershipControlsNotFoundError",
    "Redirect",
    "ReplicationConfigurationNotFoundError",
    "RequestIsNotMultiPartContent",
    "RequestTorrentOfBucketError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "TokenCodeInvalidError",
    "UnauthorizedAccess",
    "UnexpectedContent",
    "UnsupportedSignature",
    "UserKeyMustBeSpecified",
    "ValidationError",
    "ValidationException",
    "XAmzContentSHA256Mismatch",
];

/// The label of a code.
pub(super) fn label(code: &str) -> &'static str {
    let of_table = BY_CODE.iter().flat_map(|row| row.codes);
    let whole = of_table.filter(|code| !code.contains('*'));
    let mut known = whole.chain(DOCUMENTED);
    known
        .find(|known| **known == code)
        .copied()
        .unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_documented_is_its_own_label() {
        for code in ["SlowDown", "AccessDenied", "InvalidTag", "MalformedXML"] {
            assert_eq!(label(code), code);
        }
    }

    #[test]
    fn what_a_store_invents_is_one_label() {
        for code in [
            "Invalid7f3a",
            "KMS.0001",
            "2fa9LimitExceeded",
            "Invalid*",
            "",
        ] {
            assert_eq!(label(code), OTHER, "{code}");
        }
    }

    #[test]
    fn the_list_is_in_order_and_has_none_twice() {
        assert!(DOCUMENTED.is_sorted_by(|one, other| one < other));
    }
}
