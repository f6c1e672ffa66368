//! Writes that AWS refuses on account of what they say or the bucket has, and moto takes.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::system_tags;
use crate::aws::{refusal, s3::S3Call};

/// A write that is judged.
pub(in crate::aws) struct Judged {
    pub(in crate::aws) operation: &'static str,
    /// The parts of the bucket that it depends on.
    pub(in crate::aws) sees: &'static [&'static str],
    /// What AWS answers instead of doing it; the parts are given as XML, empty where there is none.
    pub(in crate::aws) judge: fn(&S3Call, &[String]) -> Option<Response<Bytes>>,
}

pub(in crate::aws) static JUDGED: [Judged; 9] = [
    judged("PutBucketPolicy", &["publicAccessBlock"], policy),
    judged(
        "PutBucketAcl",
        &["ownershipControls", "publicAccessBlock"],
        acl,
    ),
    judged("PutBucketOwnershipControls", &["acl"], ownership),
    judged(
        "PutBucketVersioning",
        &["object-lock", "replication"],
        versioning,
    ),
    judged("PutBucketReplication", &["versioning"], replication),
    judged("PutBucketLifecycleConfiguration", &[], lifecycle),
    judged("DeleteObjects", &[], deletion),
    judged("PutBucketTagging", &["abac", "tagging"], tagging),
    judged("DeleteBucketTagging", &["abac", "tagging"], tagging),
];

const fn judged(
    operation: &'static str,
    sees: &'static [&'static str],
    judge: fn(&S3Call, &[String]) -> Option<Response<Bytes>>,
) -> Judged {
    Judged {
        operation,
        sees,
        judge,
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Option<Response<Bytes>> {
    Some(refusal::s3(status, code, message))
}

fn body(call: &S3Call) -> &str {
    std::str::from_utf8(&call.body).unwrap_or_default()
}

fn says(xml: &str, name: &str, value: &str) -> bool {
    xml.contains(&format!("<{name}>{value}</{name}>"))
}

/// User Guide, "Blocking public access to your Amazon S3 storage", `BlockPublicPolicy`; API Reference, "Error
/// responses", `MalformedPolicy`.
fn policy(call: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    let malformed = |why| refused(StatusCode::BAD_REQUEST, "MalformedPolicy", why);
    let Ok(policy) = serde_json::from_slice::<Value>(&call.body) else {
        return malformed("This policy contains invalid Json");
    };
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Object(_) => vec![policy["Statement"].clone()],
        _ => return malformed("Missing required field Statement"),
    };
    for statement in &statements {
        if !["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap_or_default()) {
            return malformed("Missing required field Effect");
        }
        if statement
            .get("Principal")
            .or(statement.get("NotPrincipal"))
            .is_none()
        {
            return malformed("Missing required field Principal");
        }
        let resources = match &statement["Resource"] {
            Value::Array(resources) => resources.clone(),
            one => vec![one.clone()],
        };
        let own = format!(":s3:::{}", call.bucket);
        let foreign = |resource: &Value| !resource.as_str().unwrap_or_default().contains(&own);
        if statement.get("NotResource").is_none() && resources.iter().any(foreign) {
            return malformed("Policy has invalid resource");
        }
    }
    let everybody = |statement: &Value| {
        let who = &statement["Principal"];
        let all = |who: &Value| *who == "*" || *who == serde_json::json!(["*"]);
        statement["Effect"] == "Allow"
            && statement.get("Condition").is_none()
            && (all(who) || all(&who["AWS"]))
    };
    let blocked = says(&seen[0], "BlockPublicPolicy", "true");
    match blocked && statements.iter().any(everybody) {
        true => refused(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        ),
        false => None,
    }
}

/// User Guide, "Controlling ownership of objects and disabling ACLs for your bucket", and "Blocking public access
/// to your Amazon S3 storage", `BlockPublicAcls`.
fn acl(call: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    let canned = call.headers.get("x-amz-acl");
    let canned = canned.and_then(|acl| acl.to_str().ok()).unwrap_or_default();
    if says(&seen[0], "ObjectOwnership", "BucketOwnerEnforced")
        && canned != "bucket-owner-full-control"
    {
        return refused(
            StatusCode::BAD_REQUEST,
            "AccessControlListNotSupported",
            "The bucket does not allow ACLs",
        );
    }
    let public = canned.starts_with("public") || canned == "authenticated-read";
    match public && says(&seen[1], "BlockPublicAcls", "true") {
        true => refused(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "because public access control lists (ACLs) are prevented by the BlockPublicAcls setting in S3 Block \
             Public Access.",
        ),
        false => None,
    }
}

/// API Reference, `PutBucketOwnershipControls`, "InvalidBucketAclWithObjectOwnership".
fn ownership(call: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    let enforced = says(body(call), "ObjectOwnership", "BucketOwnerEnforced");
    match enforced && seen[0].contains("/groups/") {
        true => refused(
            StatusCode::BAD_REQUEST,
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ),
        false => None,
    }
}

/// User Guide, "Using versioning in S3 buckets" (object lock and replication keep it on).
fn versioning(call: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    let held = match seen {
        [lock, _] if says(lock, "ObjectLockEnabled", "Enabled") => "An Object Lock configuration",
        [_, replication] if !replication.is_empty() => "A replication configuration",
        _ => return None,
    };
    match says(body(call), "Status", "Suspended") {
        true => refused(
            StatusCode::CONFLICT,
            "InvalidBucketState",
            &format!(
                "{held} is present on this bucket, so the versioning state cannot be changed."
            ),
        ),
        false => None,
    }
}

/// API Reference, `PutBucketReplication` (versioning must be enabled).
fn replication(_: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    match says(&seen[0], "Status", "Enabled") {
        true => None,
        false => refused(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
        ),
    }
}

/// API Reference, `LifecycleRule`, `ID` and `Filter`; `LifecycleExpiration`.
fn lifecycle(call: &S3Call, _: &[String]) -> Option<Response<Bytes>> {
    let body = body(call);
    let malformed = |why| refused(StatusCode::BAD_REQUEST, "MalformedXML", why);
    let mut ids = BTreeSet::new();
    for rule in body.split("<Rule>").skip(1) {
        let id = rule
            .split_once("<ID>")
            .and_then(|(_, rest)| rest.split_once("</ID>"));
        if id.is_some_and(|(id, _)| !ids.insert(id)) {
            return refused(
                StatusCode::BAD_REQUEST,
                "InvalidArgument",
                "Rule ID must be unique. Found same ID for more than one rule",
            );
        }
        let filter = rule
            .split_once("<Filter>")
            .and_then(|(_, rest)| rest.split_once("</Filter>"));
        let filter = filter.map_or("", |(filter, _)| filter);
        let criteria = [
            "<Prefix>",
            "<Tag>",
            "<ObjectSizeGreaterThan>",
            "<ObjectSizeLessThan>",
        ];
        let count: usize = criteria.iter().map(|one| filter.matches(one).count()).sum();
        if count > 1 && !filter.starts_with("<And>") {
            return malformed("a filter has one criterion, or And");
        }
        if rule.contains("<Days>0</Days>") && !rule.contains("<Transition>") {
            return refused(
                StatusCode::BAD_REQUEST,
                "InvalidArgument",
                "'Days' for Expiration action must be a positive integer",
            );
        }
    }
    match ids.is_empty() {
        true => malformed("no rule"),
        false => None,
    }
}

/// API Reference, `DeleteObjects` (up to 1,000 keys).
fn deletion(call: &S3Call, _: &[String]) -> Option<Response<Bytes>> {
    match body(call).matches("<Object>").count() > 1000 {
        true => refused(
            StatusCode::BAD_REQUEST,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        false => None,
    }
}

/// API Reference, `PutBucketAbac`: with ABAC enabled, `PutBucketTagging` and `DeleteBucketTagging` are not taken.
fn tagging(call: &S3Call, seen: &[String]) -> Option<Response<Bytes>> {
    match says(&seen[0], "Status", "Enabled") {
        true => refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "Tags of a bucket with ABAC are changed by TagResource and UntagResource",
        ),
        false => system_tags::judge(call, body(call), &seen[1]),
    }
}
