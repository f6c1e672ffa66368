//! Requests to Amazon S3 that concern one bucket.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};

use super::operation::Scope;

/// A signed request about a bucket or something in it.
#[derive(Clone, Debug)]
pub(super) struct S3Call {
    pub(super) scope: Scope,
    /// The operation's name in the API Reference.
    pub(super) operation: String,
    pub(super) bucket: String,
    /// Empty for the bucket itself.
    pub(super) key: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl S3Call {
    /// `None` for what is not of S3, not signed, or about no bucket.
    pub(super) fn of(request: &Request<Bytes>) -> Option<Self> {
        let scope = Scope::of(request).filter(|scope| scope.service == "s3")?;
        let path = request.uri().path().trim_start_matches('/');
        let (bucket, key) = match bucket_of_host(request) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        if bucket.is_empty() {
            return None;
        }
        let query = request.uri().query().unwrap_or_default();
        Some(Self {
            operation: operation(request.method(), key, query),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query: query.to_owned(),
            headers: request.headers().clone(),
            body: request.body().clone(),
            scope,
        })
    }
}

impl S3Call {
    /// A value of the query; empty if it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }
}

/// Virtual-hosted style: `BUCKET.s3.REGION.amazonaws.com`, or `BUCKET.localhost`.
fn bucket_of_host(request: &Request<Bytes>) -> Option<&str> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let host = host.split_once(':').map_or(host, |(host, _port)| host);
    if let Some(bucket) = host.strip_suffix(".localhost") {
        return Some(bucket);
    }
    let aws = host
        .strip_suffix(".cn")
        .unwrap_or(host)
        .strip_suffix(".amazonaws.com")?;
    let at = aws.rfind(".s3").filter(|at| {
        let rest = &aws[at + ".s3".len()..];
        rest.is_empty() || rest.starts_with(['.', '-'])
    })?;
    Some(&aws[..at])
}

/// The parts of a bucket that have requests of their own: the query's key and the name in the
/// operation.
const PARTS: [(&str, &str); 23] = [
    ("abac", "BucketAbac"),
    ("accelerate", "BucketAccelerateConfiguration"),
    ("acl", "BucketAcl"),
    ("analytics", "BucketAnalyticsConfiguration"),
    ("cors", "BucketCors"),
    ("encryption", "BucketEncryption"),
    (
        "intelligent-tiering",
        "BucketIntelligentTieringConfiguration",
    ),
    ("inventory", "BucketInventoryConfiguration"),
    ("lifecycle", "BucketLifecycleConfiguration"),
    ("location", "BucketLocation"),
    ("logging", "BucketLogging"),
    ("metrics", "BucketMetricsConfiguration"),
    ("notification", "BucketNotificationConfiguration"),
    ("object-lock", "ObjectLockConfiguration"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("policy", "BucketPolicy"),
    ("policyStatus", "BucketPolicyStatus"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("replication", "BucketReplication"),
    ("requestPayment", "BucketRequestPayment"),
    ("tagging", "BucketTagging"),
    ("versioning", "BucketVersioning"),
    ("website", "BucketWebsite"),
];

fn operation(method: &Method, key: &str, query: &str) -> String {
    let keys = || {
        query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default())
    };
    // SDKs name the operations on objects themselves.
    if let Some(name) = query.split('&').find_map(|pair| pair.strip_prefix("x-id=")) {
        return name.to_owned();
    }
    let has = |wanted: &str| keys().any(|key| key == wanted);
    let action = match *method {
        Method::GET => "Get",
        Method::HEAD => "Head",
        Method::PUT => "Put",
        Method::DELETE => "Delete",
        _ => "Post",
    };
    if !key.is_empty() {
        let part = keys().find_map(|key| match key {
            "acl" => Some("Acl"),
            "legal-hold" => Some("LegalHold"),
            "retention" => Some("Retention"),
            "tagging" => Some("Tagging"),
            _ => None,
        });
        return format!("{action}Object{}", part.unwrap_or_default());
    }
    if let Some((part, name)) = PARTS.iter().find(|(part, _)| has(part)) {
        return match (*part, action) {
            ("lifecycle", "Delete") => "DeleteBucketLifecycle".into(),
            _ => format!("{action}{name}"),
        };
    }
    match action {
        "Put" => "CreateBucket".into(),
        "Get" if has("versions") => "ListObjectVersions".into(),
        "Get" if has("uploads") => "ListMultipartUploads".into(),
        "Get" if has("list-type") => "ListObjectsV2".into(),
        "Get" => "ListObjects".into(),
        "Post" if has("delete") => "DeleteObjects".into(),
        _ => format!("{action}Bucket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_names_of_the_api_reference() {
        for (method, key, query, name) in [
            (Method::PUT, "", "", "CreateBucket"),
            (Method::HEAD, "", "", "HeadBucket"),
            (Method::DELETE, "", "", "DeleteBucket"),
            (Method::GET, "", "location", "GetBucketLocation"),
            (Method::PUT, "", "publicAccessBlock", "PutPublicAccessBlock"),
            (Method::DELETE, "", "lifecycle=", "DeleteBucketLifecycle"),
            (Method::GET, "", "policyStatus", "GetBucketPolicyStatus"),
            (
                Method::GET,
                "",
                "list-type=2&prefix=policy",
                "ListObjectsV2",
            ),
            (Method::GET, "", "max-keys=5&versions", "ListObjectVersions"),
            (Method::POST, "", "delete", "DeleteObjects"),
            (Method::PUT, "k", "", "PutObject"),
            (Method::GET, "k", "tagging", "GetObjectTagging"),
            (Method::PUT, "k", "x-id=CopyObject", "CopyObject"),
        ] {
            assert_eq!(
                operation(&method, key, query),
                name,
                "{method} {key}?{query}"
            );
        }
    }

    #[test]
    fn the_bucket_is_in_the_host_or_in_the_path() {
        let scope = Scope {
            access_key: "AKIAX".into(),
            region: "us-east-1".into(),
            service: "s3".into(),
        };
        let bucket = |host: &str, path: &str| {
            let request = Request::get(path)
                .header(header::HOST, host)
                .header(header::AUTHORIZATION, scope.authorization());
            let call = S3Call::of(&request.body(Bytes::new()).unwrap());
            call.map(|call| (call.bucket, call.operation))
        };
        let listed = |bucket: &str| Some((bucket.to_owned(), "ListObjects".to_owned()));
        assert_eq!(bucket("127.0.0.1:80", "/a.b"), listed("a.b"));
        assert_eq!(bucket("a.b.s3.eu-west-1.amazonaws.com", "/"), listed("a.b"));
        assert_eq!(bucket("s3x.s3-us-west-2.amazonaws.com", "/"), listed("s3x"));
        assert_eq!(bucket("a.s3.cn-north-1.amazonaws.com.cn", "/"), listed("a"));
        assert_eq!(bucket("a.localhost:4566", "/"), listed("a"));
        assert_eq!(bucket("s3.eu-west-1.amazonaws.com", "/a"), listed("a"));
        assert_eq!(bucket("127.0.0.1:80", "/"), None);
    }
}
