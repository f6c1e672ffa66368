use bytes::Bytes;
use http::{Response, StatusCode};

use super::Setting;
use crate::aws::refusal;
use crate::aws::s3::S3Call;

/// A bucket's name has lowercase letters, digits, dots and hyphens, and a letter or digit at both
/// ends; moto looks at nothing but its length.
///
/// Amazon S3 User Guide, "General purpose bucket naming rules"; API Reference, "Error responses",
/// `InvalidBucketName`.
pub(super) fn check(call: &S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>> {
    let is_end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let name = call.bucket.as_bytes();
    let mut ends = [name.first(), name.last()].into_iter().flatten();
    let within = |byte: &u8| is_end(byte) || b".-".contains(byte);
    match name.iter().all(within) && ends.all(is_end) {
        true => Ok(None),
        false => Err(Box::new(refusal::s3(
            StatusCode::BAD_REQUEST,
            "InvalidBucketName",
            "The specified bucket is not valid.",
        ))),
    }
}
