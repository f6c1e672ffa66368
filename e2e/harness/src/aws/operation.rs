//! Which operation of AWS a request asks for.

use bytes::Bytes;
use http::{Method, Request, header};

use super::s3::S3Call;
use crate::proxy::Verb;

/// Who signed a request, where and for what: the credential scope of a version 4 signature (IAM
/// User Guide, "Elements of an AWS API request signature"). The signature itself is nobody's
/// business here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Scope {
    /// From the `Authorization` header; `None` for an unsigned request.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let header = request.headers().get(header::AUTHORIZATION)?;
        let (_, credential) = header.to_str().ok()?.split_once("Credential=")?;
        let mut parts = credential.split([',', ' ']).next()?.split('/');
        let access_key = parts.next()?.to_owned();
        let _date = parts.next()?;
        Some(Self {
            access_key,
            region: parts.next()?.to_owned(),
            service: parts.next()?.to_owned(),
        })
    }

    /// The header that moto needs to know whose request this is; it does not verify signatures.
    pub(super) fn authorization(&self) -> String {
        let Self {
            access_key,
            region,
            service,
        } = self;
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=00"
        )
    }
}

/// The verb and the operation's name.
pub(super) fn classify(request: &Request<Bytes>) -> (Verb, String) {
    match operation(request) {
        Some(name) => (verb(&name), name),
        None => (Verb::of(request.method()), request.uri().path().to_owned()),
    }
}

fn verb(operation: &str) -> Verb {
    // A session is an answer: nothing of the account changes.
    let asks = ["Get", "Head", "List", "Describe", "AssumeRole"];
    if asks.iter().any(|prefix| operation.starts_with(prefix)) {
        Verb::Read
    } else {
        Verb::Write
    }
}

fn operation(request: &Request<Bytes>) -> Option<String> {
    if let Some(target) = request.headers().get("x-amz-target") {
        let (_, name) = target.to_str().ok()?.rsplit_once('.')?;
        return Some(name.to_owned());
    }
    if let Some(call) = S3Call::of(request) {
        return Some(call.operation);
    }
    let scope = Scope::of(request);
    if scope.is_some_and(|scope| scope.service == "s3") {
        // No bucket.
        return (request.method() == Method::GET).then(|| "ListBuckets".to_owned());
    }
    // The query protocol: a form that names the action. AssumeRoleWithWebIdentity is unsigned.
    let form = std::str::from_utf8(request.body()).ok()?;
    let action = form
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    action.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(service: &str) -> String {
        let scope = Scope {
            access_key: "AKIAX".into(),
            region: "eu-west-1".into(),
            service: service.into(),
        };
        scope.authorization()
    }

    #[test]
    fn the_scope_is_read_from_the_signature() {
        let request = Request::builder()
            .header("authorization", scope("s3"))
            .body(())
            .unwrap();
        let scope = Scope::of(&request).unwrap();
        assert_eq!(scope.access_key, "AKIAX");
        assert_eq!(scope.region, "eu-west-1");
        assert_eq!(scope.service, "s3");
        assert_eq!(Scope::of(&Request::new(())), None);
    }

    #[test]
    fn operations_are_named_in_each_protocol() {
        let rest = Request::put("/b?tagging").header("authorization", scope("s3"));
        let rest = rest.body(Bytes::new()).unwrap();
        assert_eq!(classify(&rest), (Verb::Write, "PutBucketTagging".into()));

        let listing = Request::get("/?prefix=b").header("authorization", scope("s3"));
        let listing = listing.body(Bytes::new()).unwrap();
        assert_eq!(classify(&listing), (Verb::Read, "ListBuckets".into()));

        let query = Bytes::from("Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
        let query = Request::post("/").body(query).unwrap();
        let name = "AssumeRoleWithWebIdentity".to_owned();
        assert_eq!(classify(&query), (Verb::Read, name));

        let json = Request::post("/").header("x-amz-target", "AmazonSQS.CreateQueue");
        let json = json.body(Bytes::from("{}")).unwrap();
        assert_eq!(classify(&json), (Verb::Write, "CreateQueue".into()));
    }
}
