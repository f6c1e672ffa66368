//! What a request is, as a rule and a test see it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header};

/// What a request does to the server's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// It only asks.
    Read,
    /// It changes something, or may.
    Write,
    /// Its answer is a stream of changes.
    Watch,
}

impl Verb {
    /// By the method alone.
    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Read,
            _ => Self::Write,
        }
    }
}

/// One request.
#[derive(Clone)]
pub struct Call {
    /// Counts the requests of one proxy in the order of their arrival, from 1.
    pub seq: u64,
    /// What it does.
    pub verb: Verb,
    /// What it is about: for the API server the resource (`leases`, `s3buckets/status`), for AWS
    /// the operation (`CreateBucket`).
    pub about: String,
    /// The method.
    pub method: Method,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent, without the question mark; empty when there is none.
    pub query: String,
    /// The headers, without those that carry credentials.
    pub headers: HeaderMap,
    /// For AWS, the ID of the access key that signed it, which by itself lets nobody act; else nothing.
    pub signer: String,
    /// The body, when it has no more than 64 KiB; else nothing.
    pub body: Bytes,
}

const LONGEST_BODY: usize = 64 << 10;

/// Headers that let their reader act for the sender.
const CREDENTIALS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("x-amz-security-token"),
];

impl Call {
    pub(super) fn new(
        seq: u64,
        (verb, about): (Verb, String),
        request: &http::Request<Bytes>,
    ) -> Self {
        let mut headers = request.headers().clone();
        let signer = signer(&headers).unwrap_or_default();
        for name in CREDENTIALS {
            headers.remove(name);
        }
        let body = request.body();
        let kept = body.len() <= LONGEST_BODY;
        Self {
            seq,
            verb,
            about,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers,
            signer,
            body: if kept { body.clone() } else { Bytes::new() },
        }
    }

    /// The client's name for itself, or nothing.
    pub fn user_agent(&self) -> &str {
        self.headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// From a version 4 signature (IAM User Guide, "Elements of an AWS API request signature").
fn signer(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = header.split_once("Credential=")?;
    credential.split('/').next().map(str::to_owned)
}

/// Without headers and body, which may hold what no log should.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {:?} {} ", self.seq, self.verb, self.about)?;
        write!(f, "({} {}", self.method, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_kept() {
        let canary = "canary-value";
        let mut request = http::Request::put("/x?y=z");
        for name in CREDENTIALS {
            request = request.header(name, canary);
        }
        let request = request
            .header(header::USER_AGENT, "tester/1")
            .body(Bytes::from_static(canary.as_bytes()))
            .unwrap();
        let call = Call::new(3, (Verb::Write, "thing".into()), &request);
        assert!(!format!("{:?}", call.headers).contains(canary));
        assert_eq!(call.user_agent(), "tester/1");
        assert_eq!(format!("{call:?}"), "#3 Write thing (PUT /x?y=z)");
    }

    #[test]
    fn who_signed_is_kept() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/eu-west-1/s3/aws4_request, Signature=00";
        for (header, signer) in [(header, "AKIAX"), ("Bearer canary", "")] {
            let request = http::Request::get("/").header(header::AUTHORIZATION, header);
            let request = request.body(Bytes::new()).unwrap();
            let call = Call::new(1, (Verb::Read, String::new()), &request);
            assert_eq!(call.signer, signer);
        }
    }

    #[test]
    fn a_long_body_is_not_kept() {
        let request = |length| http::Request::new(Bytes::from(vec![b'x'; length]));
        let kept = |length| {
            let class = (Verb::Read, String::new());
            Call::new(1, class, &request(length)).body.len()
        };
        assert_eq!(kept(LONGEST_BODY), LONGEST_BODY);
        assert_eq!(kept(LONGEST_BODY + 1), 0);
    }
}
