use bytes::Bytes;
use http::Response;

use super::Bucket;
use crate::aws::s3::S3Call;

/// A bucket of another account is denied; moto lets every account in.
///
/// Amazon S3 User Guide, "Identity and access management in Amazon S3" (a bucket is private to its
/// owner's account); API Reference, `HeadBucket` (403). A bucket policy that lets others in is not
/// modelled.
pub(super) fn deny(_: &S3Call, bucket: &Bucket) -> Option<Response<Bytes>> {
    (!bucket.owned).then(|| bucket.denied())
}
