//! What AWS wants whoever calls it to be allowed: Amazon S3 User Guide, "Required permissions for Amazon S3 API
//! operations"; Amazon S3 API Reference and AWS STS API Reference, the operations' own pages.

use anyhow::{Result, bail};

use crate::proxy::Call;

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// As IAM policies name it: `s3:ListBucket`.
    pub action: String,
    /// The resource's ARN. `*` stands for the account, or in `arn:aws:s3:::BUCKET/*` for the objects that one call is
    /// about.
    pub resource: String,
}

/// What a call to S3, in path style, or to STS takes. Nothing where AWS asks for no permission.
///
/// # Errors
/// When what the operation takes is not known here: look it up, and say so below.
pub fn permissions(call: &Call) -> Result<Vec<Permission>> {
    let bucket = call.path.trim_start_matches('/').split('/').next();
    let bucket = format!("arn:aws:s3:::{}", bucket.unwrap_or_default());
    let on = |resource: &str, actions: &[&str]| {
        let permission = |action: &&str| Permission {
            action: (*action).to_owned(),
            resource: resource.to_owned(),
        };
        actions.iter().map(permission).collect::<Vec<_>>()
    };
    let text = String::from_utf8_lossy(&call.body);
    Ok(match call.about.as_str() {
        "GetCallerIdentity" | "AssumeRoleWithWebIdentity" => Vec::new(),
        "AssumeRole" => {
            let role = parameter(&text, "RoleArn");
            let mut taken = on(&role, &["sts:AssumeRole"]);
            if text.contains("&Tags.member.") {
                taken.extend(on(&role, &["sts:TagSession"]));
            }
            taken
        }
        "ListBuckets" => on("*", &["s3:ListAllMyBuckets"]),
        "DeleteObjects" => {
            let mut taken = on(&format!("{bucket}/*"), &["s3:DeleteObject"]);
            if text.contains("<VersionId>") {
                taken.extend(on(&format!("{bucket}/*"), &["s3:DeleteObjectVersion"]));
            }
            taken
        }
        "AbortMultipartUpload" => on(&format!("{bucket}/*"), &["s3:AbortMultipartUpload"]),
        "PutBucketReplication" => {
            let mut taken = on(&bucket, &["s3:PutReplicationConfiguration"]);
            taken.extend(on(element(&text, "Role"), &["iam:PassRole"]));
            taken
        }
        "CreateBucket" => on(&bucket, &to_create(call, &text)),
        operation => match of_a_bucket(operation) {
            Some(action) => on(&bucket, &[&format!("s3:{action}")]),
            None => bail!("what does {call:?} take?"),
        },
    })
}

/// A creation takes more for what comes with it.
fn to_create(call: &Call, body: &str) -> Vec<&'static str> {
    let header = |name: &str| {
        let value = call.headers.get(name).and_then(|it| it.to_str().ok());
        value.unwrap_or_default()
    };
    let mut taken = vec!["s3:CreateBucket"];
    if body.contains("<Tag>") {
        taken.push("s3:TagResource");
    }
    if !["", "private"].contains(&header("x-amz-acl")) {
        taken.push("s3:PutBucketAcl");
    }
    if !header("x-amz-object-ownership").is_empty() {
        taken.push("s3:PutBucketOwnershipControls");
    }
    if header("x-amz-bucket-object-lock-enabled").eq_ignore_ascii_case("true") {
        taken.extend([
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketVersioning",
        ]);
    }
    taken
}

/// The action of an operation that takes only one, on the bucket. Many have other names than their operations.
fn of_a_bucket(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "HeadBucket" => "ListBucket",
        "DeleteBucket" => "DeleteBucket",
        "ListObjectVersions" => "ListBucketVersions",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "GetBucketTagging" => "GetBucketTagging",
        "PutBucketTagging" | "DeleteBucketTagging" => "PutBucketTagging",
        "GetBucketOwnershipControls" => "GetBucketOwnershipControls",
        "PutBucketOwnershipControls" | "DeleteBucketOwnershipControls" => {
            "PutBucketOwnershipControls"
        }
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetBucketAcl" => "GetBucketAcl",
        "PutBucketAcl" => "PutBucketAcl",
        "GetBucketPolicy" => "GetBucketPolicy",
        "PutBucketPolicy" => "PutBucketPolicy",
        "DeleteBucketPolicy" => "DeleteBucketPolicy",
        "GetBucketVersioning" => "GetBucketVersioning",
        "PutBucketVersioning" => "PutBucketVersioning",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "PutBucketObjectLockConfiguration",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        "GetBucketCors" => "GetBucketCORS",
        "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
        "GetBucketLogging" => "GetBucketLogging",
        "PutBucketLogging" => "PutBucketLogging",
        "GetBucketWebsite" => "GetBucketWebsite",
        "PutBucketWebsite" => "PutBucketWebsite",
        "DeleteBucketWebsite" => "DeleteBucketWebsite",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "PutBucketNotificationConfiguration" => "PutBucketNotification",
        "GetBucketRequestPayment" => "GetBucketRequestPayment",
        "PutBucketRequestPayment" => "PutBucketRequestPayment",
        "GetBucketAccelerateConfiguration" => "GetAccelerateConfiguration",
        "PutBucketAccelerateConfiguration" => "PutAccelerateConfiguration",
        "ListBucketIntelligentTieringConfigurations" => "GetIntelligentTieringConfiguration",
        "PutBucketIntelligentTieringConfiguration"
        | "DeleteBucketIntelligentTieringConfiguration" => "PutIntelligentTieringConfiguration",
        "ListBucketMetricsConfigurations" => "GetMetricsConfiguration",
        "PutBucketMetricsConfiguration" | "DeleteBucketMetricsConfiguration" => {
            "PutMetricsConfiguration"
        }
        "ListBucketInventoryConfigurations" => "GetInventoryConfiguration",
        "PutBucketInventoryConfiguration" | "DeleteBucketInventoryConfiguration" => {
            "PutInventoryConfiguration"
        }
        "ListBucketAnalyticsConfigurations" => "GetAnalyticsConfiguration",
        "PutBucketAnalyticsConfiguration" | "DeleteBucketAnalyticsConfiguration" => {
            "PutAnalyticsConfiguration"
        }
        "GetBucketAbac" => "GetBucketAbac",
        "PutBucketAbac" => "PutBucketAbac",
        "GetBucketReplication" => "GetReplicationConfiguration",
        "DeleteBucketReplication" => "PutReplicationConfiguration",
        _ => return None,
    })
}

/// A parameter of a form whose value is an ARN.
fn parameter(form: &str, name: &str) -> String {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name);
    let value = value.map(|(_, value)| value).unwrap_or_default();
    value.replace("%3A", ":").replace("%2F", "/")
}

/// The text of the first element of this name.
fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = xml.split_once(&open).map_or("", |(_, rest)| rest);
    inner.split_once(&close).map_or("", |(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::proxy::Verb;

    fn call(about: &str, path: &str, body: &str) -> Call {
        Call {
            seq: 1,
            verb: Verb::Write,
            about: about.to_owned(),
            method: Method::PUT,
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            signer: String::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn taken(call: &Call) -> Vec<String> {
        let taken = permissions(call).unwrap();
        let shown = |it: Permission| format!("{} {}", it.action, it.resource);
        taken.into_iter().map(shown).collect()
    }

    #[test]
    fn a_creation_takes_what_comes_with_it() {
        let mut create = call("CreateBucket", "/b/", "<Tags><Tag>");
        let plain = [
            "s3:CreateBucket arn:aws:s3:::b",
            "s3:TagResource arn:aws:s3:::b",
        ];
        assert_eq!(taken(&create), plain);
        for (name, value) in [
            ("x-amz-object-ownership", "ObjectWriter"),
            ("x-amz-bucket-object-lock-enabled", "true"),
            ("x-amz-acl", "public-read"),
        ] {
            create.headers.insert(name, value.parse().unwrap());
        }
        assert_eq!(taken(&create).len(), 6);
    }

    #[test]
    fn roles_are_named() {
        let form =
            "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&Tags.member.1.Key=b";
        let role = "arn:aws:iam::1:role/a";
        assert_eq!(
            taken(&call("AssumeRole", "/", form)),
            [
                format!("sts:AssumeRole {role}"),
                format!("sts:TagSession {role}")
            ]
        );
        let xml = format!("<ReplicationConfiguration><Role>{role}</Role><Rule/>");
        assert_eq!(
            taken(&call("PutBucketReplication", "/b", &xml)),
            [
                "s3:PutReplicationConfiguration arn:aws:s3:::b".to_owned(),
                format!("iam:PassRole {role}")
            ]
        );
    }

    #[test]
    fn objects_are_told_from_their_bucket() {
        let delete = call("DeleteObjects", "/b", "<Object><VersionId>null</VersionId>");
        assert_eq!(
            taken(&delete),
            [
                "s3:DeleteObject arn:aws:s3:::b/*",
                "s3:DeleteObjectVersion arn:aws:s3:::b/*"
            ]
        );
        assert_eq!(taken(&call("GetCallerIdentity", "/", "")), [""; 0]);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert!(permissions(&call("PutBucketSomething", "/b", "")).is_err());
    }
}
