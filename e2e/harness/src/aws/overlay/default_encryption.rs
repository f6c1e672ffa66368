use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;

use super::Correct;
use crate::aws::refusal;

/// A bucket without an encryption of its own has Amazon's, also after `DeleteBucketEncryption`;
/// moto has none.
///
/// Amazon S3 User Guide, "Setting default server-side encryption behavior for Amazon S3 buckets";
/// API Reference, `DeleteBucketEncryption` (it resets the bucket to SSE-S3).
pub(super) const CORRECT: Correct = Correct {
    operation: "GetBucketEncryption",
    correct,
};

fn correct(reply: Response<Bytes>) -> Response<Bytes> {
    let none = "ServerSideEncryptionConfigurationNotFoundError";
    if code(&reply).as_deref() != Some(none) {
        return reply;
    }
    refusal::xml(
        StatusCode::OK,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
         <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
         </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>\
         </ServerSideEncryptionConfiguration>"
            .into(),
    )
}

fn code(refused: &Response<Bytes>) -> Option<String> {
    let text = std::str::from_utf8(refused.body()).ok()?;
    let error: Error = quick_xml::de::from_str(text).ok()?;
    Some(error.code)
}

#[derive(Deserialize)]
struct Error {
    #[serde(rename = "Code")]
    code: String,
}
