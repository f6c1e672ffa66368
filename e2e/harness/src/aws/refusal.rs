//! Refusals as AWS words them, for [`Action::Answer`](crate::proxy::Action::Answer).

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use quick_xml::escape::escape;

/// As Amazon S3 answers (API Reference, "REST error responses"). In an answer to `HEAD` the body is
/// left out.
pub fn s3(status: StatusCode, code: &str, message: &str) -> http::Response<Bytes> {
    let (code, message) = (escape(code), escape(message));
    xml(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>{code}</Code><Message>{message}</Message><RequestId>overlay</RequestId></Error>"
        ),
    )
}

/// As services of the query protocol answer, STS among them (STS API Reference, "Common Error
/// Types").
pub fn query(status: StatusCode, code: &str, message: &str) -> http::Response<Bytes> {
    let (code, message) = (escape(code), escape(message));
    let fault = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    xml(
        status,
        format!(
            "<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>\
             </Error><RequestId>overlay</RequestId></ErrorResponse>"
        ),
    )
}

pub(super) fn xml(status: StatusCode, body: String) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}
