use bytes::Bytes;
use http::{Response, StatusCode};

use super::Correct;
use crate::aws::refusal;

/// A default retention has days or years, never both; moto answers the other one as 0.
///
/// Amazon S3 API Reference, `DefaultRetention`.
pub(super) const CORRECT: Correct = Correct {
    operation: "GetObjectLockConfiguration",
    correct,
};

fn correct(reply: Response<Bytes>) -> Response<Bytes> {
    match std::str::from_utf8(reply.body()) {
        Ok(text) if reply.status().is_success() => {
            let text = text
                .replace("<Days>0</Days>", "")
                .replace("<Years>0</Years>", "");
            refusal::xml(StatusCode::OK, text)
        }
        _ => reply,
    }
}
