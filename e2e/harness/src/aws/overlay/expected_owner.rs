use bytes::Bytes;
use http::{Response, StatusCode};

use super::Bucket;
use crate::aws::refusal;
use crate::aws::s3::S3Call;

/// A request that names its bucket's owner is denied when another account owns it; moto ignores the
/// name.
///
/// Amazon S3 User Guide, "Verifying bucket ownership with bucket owner condition"; API Reference,
/// "Error responses", `InvalidBucketOwnerAWSAccountID`.
pub(super) fn check(call: &S3Call, bucket: &Bucket) -> Option<Response<Bytes>> {
    let expected = call.headers.get("x-amz-expected-bucket-owner")?.as_bytes();
    if expected.len() != 12 || !expected.iter().all(u8::is_ascii_digit) {
        return Some(refusal::s3(
            StatusCode::BAD_REQUEST,
            "InvalidBucketOwnerAWSAccountID",
            "The value of the expected bucket owner parameter must be an AWS Account ID.",
        ));
    }
    let owner = bucket.owned && bucket.caller.as_bytes() == expected;
    (!owner).then(|| bucket.denied())
}
