//! Answers in the API server's place, for [`Action::Answer`](crate::proxy::Action::Answer).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::attributes::is_streamed;
use crate::proxy::{Action, Rule};

/// A refusal as the API server words it: a `Status` with this code and reason (`Conflict`,
/// `TooManyRequests` …). Add a `Retry-After` header where the server would.
pub fn refusal(code: StatusCode, reason: &str, message: &str) -> Response<Bytes> {
    let mut response = document(&failure(code, reason, message));
    *response.status_mut() = code;
    response
}

/// The answer to a watch from a version that the API server has forgotten: an `ERROR` event with
/// `Expired`, code 410.
pub fn watch_expired() -> Response<Bytes> {
    broken_watch(StatusCode::GONE, "Expired", "too old resource version")
}

/// The answer to a watch by an API server that cannot serve it and finds out when it has begun.
pub fn watch_failed() -> Response<Bytes> {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    broken_watch(code, "InternalError", "the watch cannot be served")
}

fn broken_watch(code: StatusCode, reason: &str, message: &str) -> Response<Bytes> {
    let status = failure(code, reason, message);
    document(&json!({"type": "ERROR", "object": status}))
}

/// The API server streams no lists, as one does whose feature gate `WatchList` is off: clients list in pages.
pub fn no_streamed_lists() -> Rule {
    let message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature \
                   gate is enabled";
    let refusal = refusal(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    Rule::when(|call| is_streamed(&call.query), Action::Answer(refusal))
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.as_u16(),
    })
}

fn document(content: &Value) -> Response<Bytes> {
    let mut response = Response::new(format!("{content}\n").into());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
