//! What the API server's errors say, in words fit for a user and a log.

use std::{error::Error as _, time::Duration};

/// The text of an error. Unlike its `Display`, it never holds the `Status` object whole, which may echo
/// what was submitted.
pub fn explain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return match status.message.as_str() {
            "" => format!("the API server answered {} {}", status.code, status.reason),
            message => message.to_owned(),
        };
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The HTTP status of an answer; none if there was no answer.
pub fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// How long the API server asks to wait, if it says so.
pub fn retry_after(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else {
        return None;
    };
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use kube::core::{Status, response::StatusDetails};

    use super::*;

    #[test]
    fn a_status_is_explained_by_its_message_alone() {
        let status = Status::failure("too many requests", "TooManyRequests").with_code(429);
        let error = kube::Error::Api(status.boxed());
        assert_eq!(explain(&error), "too many requests");
        let error = kube::Error::Api(Status::failure("", "Gone").with_code(410).boxed());
        assert_eq!(explain(&error), "the API server answered 410 Gone");
    }

    #[test]
    fn other_errors_are_explained_down_to_their_cause() {
        let cause = std::io::Error::other("connection refused");
        let error = kube::Error::Service(Box::new(std::io::Error::other(cause)));
        assert!(
            explain(&error).contains("connection refused"),
            "{}",
            explain(&error)
        );
        assert_eq!(code(&error), None);
    }

    #[test]
    fn the_servers_wish_is_read_from_the_details() {
        let details: StatusDetails =
            serde_json::from_value(serde_json::json!({"retryAfterSeconds": 7})).unwrap();
        let status = Status::failure("slow down", "TooManyRequests")
            .with_code(429)
            .with_details(details);
        let error = kube::Error::Api(status.boxed());
        assert_eq!(retry_after(&error), Some(Duration::from_secs(7)));
    }
}
