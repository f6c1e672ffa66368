//! Targets of notifications, which AWS asks whether they are there.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::kept::Kept;
use crate::aws::refusal;

/// The ARNs in a notification configuration; none in any other.
pub(super) fn targets<'a>(kept: &Kept, xml: &'a str) -> Vec<&'a str> {
    if kept.part != "notification" {
        return Vec::new();
    }
    let of = |name: &str| {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let found = xml.split(&open).skip(1);
        let arns = found.filter_map(|rest| rest.find(&close).map(|end| &rest[..end]));
        // A configuration element has the name of its target too, in some forms.
        arns.filter(|arn| arn.starts_with("arn:"))
            .collect::<Vec<_>>()
    };
    [of("Queue"), of("Topic"), of("CloudFunction")].concat()
}

/// API Reference, `PutBucketNotificationConfiguration` (Amazon S3 verifies that the destinations exist).
pub(super) fn refusal() -> Response<Bytes> {
    refusal::s3(
        StatusCode::BAD_REQUEST,
        "InvalidArgument",
        "Unable to validate the following destination configurations",
    )
}
