use bytes::Bytes;
use http::{Response, StatusCode};
use quick_xml::escape::escape;

use super::Bucket;
use crate::aws::refusal;
use crate::aws::s3::S3Call;

/// A request in another region than its bucket's is redirected, with the region in a header; moto
/// answers it.
///
/// Amazon S3 API Reference, "Error responses", `PermanentRedirect` (301), and `HeadBucket`,
/// `x-amz-bucket-region`. `GetBucketLocation` is answered in every region (its page).
pub(super) fn redirect(call: &S3Call, bucket: &Bucket) -> Option<Response<Bytes>> {
    if call.scope.region == bucket.region || call.operation == "GetBucketLocation" {
        return None;
    }
    let (name, region) = (escape(&call.bucket), escape(&bucket.region));
    Some(bucket.with_region(refusal::xml(
        StatusCode::MOVED_PERMANENTLY,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be \
             addressed using the specified endpoint. Please send all future requests to this endpoint.</Message>\
             <Endpoint>{name}.s3.{region}.amazonaws.com</Endpoint><Bucket>{name}</Bucket>\
             <RequestId>overlay</RequestId></Error>"
        ),
    )))
}
