use bytes::Bytes;
use http::{Response, StatusCode};

use super::Correct;
use crate::aws::refusal;

/// A bucket that never had versioning answers with an empty `VersioningConfiguration`; moto calls it
/// `GetBucketVersioningResponse`, which clients that read strictly refuse.
///
/// Amazon S3 API Reference, `GetBucketVersioning`, "Response Syntax".
pub(super) const CORRECT: Correct = Correct {
    operation: "GetBucketVersioning",
    correct,
};

fn correct(reply: Response<Bytes>) -> Response<Bytes> {
    const WRONG: &str = "GetBucketVersioningResponse";
    match std::str::from_utf8(reply.body()) {
        Ok(text) if reply.status().is_success() && text.contains(WRONG) => {
            let text = text.replace(WRONG, "VersioningConfiguration");
            refusal::xml(StatusCode::OK, text)
        }
        _ => reply,
    }
}
