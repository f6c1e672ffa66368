use bytes::Bytes;
use http::{Response, StatusCode};

use super::Bucket;
use crate::aws::refusal;
use crate::aws::s3::S3Call;

/// A bucket of another account is denied; moto lets every account in.
///
/// Amazon S3 User Guide, "Access control": "By default, all Amazon S3 resources are private. Only the resource owner …
/// can access the resource"; API Reference, `HeadBucket` (403 Forbidden).
pub(super) fn deny(_: &S3Call, bucket: &Bucket) -> Option<Response<Bytes>> {
    (!bucket.owned).then(|| refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied"))
}
