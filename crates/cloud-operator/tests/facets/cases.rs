//! What each facet is tried with.

use anyhow::Result;
use serde_json::{Value, json};

use crate::scene::Scene;

/// One facet.
pub struct Case {
    /// Name of object and bucket.
    pub name: &'static str,
    /// Its name in the spec.
    pub facet: &'static str,
    /// The query by which AWS knows it.
    pub part: &'static str,
    /// The spec that has it.
    pub wish: Value,
    /// What is read outside once it is in force.
    pub has: &'static [&'static str],
    /// What somebody else does to it: method, query, headers, body.
    pub drift: (&'static str, &'static str, &'static str, String),
    /// The operation by which it is corrected.
    pub operation: &'static str,
    /// The patch that removes it from the spec.
    pub removal: Value,
    /// What is read outside then.
    pub rest: &'static [&'static str],
}

fn case(
    name: &'static str,
    facet: &'static str,
    part: &'static str,
    operation: &'static str,
) -> Case {
    Case {
        name,
        facet,
        part,
        operation,
        wish: json!({}),
        has: &[],
        drift: ("DELETE", part, "", String::new()),
        removal: json!({ facet: null }),
        rest: &[],
    }
}

pub async fn cases(scene: &Scene) -> Result<Vec<Case>> {
    let logs = scene.logs().await?;
    let queue = scene.queue().await?;
    let bucket_arn = |name: &str| format!("arn:aws:s3:::{}", scene.bucket_name(name));
    let policy = |effect: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": {
                "Sid": "Tls", "Effect": effect, "Principal": { "AWS": ["arn:aws:iam::123456789012:root"] },
                "Action": ["s3:PutObject", "s3:GetObject"], "Resource": format!("{}/*", bucket_arn("policy")),
                "Condition": { "Bool": { "aws:SecureTransport": false } },
            },
        })
        .to_string()
    };
    let switch = |root: &str, status: &str| format!("<{root}><Status>{status}</Status></{root}>");
    Ok(vec![
        Case {
            wish: json!({ "policy": policy("Deny") }),
            has: &["\"Effect\":\"Deny\""],
            drift: ("PUT", "policy", "", policy("Allow")),
            rest: &["NoSuchBucketPolicy"],
            ..case("policy", "policy", "policy", "PutBucketPolicy")
        },
        Case {
            wish: json!({
                "acl": "public-read",
                "ownershipControls": { "objectOwnership": "BucketOwnerPreferred" },
                "publicAccessBlock": { "blockPublicAcls": false },
            }),
            has: &["/AllUsers", "<Permission>READ</Permission>"],
            drift: ("PUT", "acl", "x-amz-acl: private\r\n", String::new()),
            rest: &["!/AllUsers", "FULL_CONTROL"],
            ..case("acl", "acl", "acl", "PutBucketAcl")
        },
        Case {
            wish: json!({ "lifecycleRules": [
                {
                    "id": "old", "enabled": true, "prefix": "logs/", "tags": { "keep": "no" },
                    "objectSizeGreaterThan": 1000, "expiration": { "days": 30 },
                    "transitions": [
                        { "days": 20, "storageClass": "GLACIER" }, { "days": 10, "storageClass": "GLACIER_IR" },
                    ],
                    "noncurrentVersionExpiration": { "noncurrentDays": 5, "newerNoncurrentVersions": 2 },
                },
                {
                    "id": "rest", "enabled": false, "expiration": { "date": "2040-12-31" },
                    "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 },
                },
            ] }),
            has: &[
                "<NewerNoncurrentVersions>2</NewerNoncurrentVersions>",
                "<ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan>",
                "<Date>2040-12-31T00:00:00Z</Date>",
                "<ID>rest</ID>",
            ],
            drift: (
                "PUT",
                "lifecycle",
                "",
                "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter>\
                 <Status>Enabled</Status><Expiration><Days>31</Days></Expiration></Rule></LifecycleConfiguration>"
                    .to_owned(),
            ),
            rest: &["NoSuchLifecycleConfiguration"],
            ..case(
                "lifecycle",
                "lifecycleRules",
                "lifecycle",
                "PutBucketLifecycleConfiguration",
            )
        },
        Case {
            wish: json!({ "corsRules": [{
                "allowedOrigins": ["https://b.example", "https://a.example"],
                "allowedMethods": ["PUT", "GET"], "allowedHeaders": ["*"], "maxAgeSeconds": 60,
            }] }),
            has: &["https://a.example", "60"],
            rest: &["NoSuchCORSConfiguration"],
            ..case("cors", "corsRules", "cors", "PutBucketCors")
        },
        Case {
            wish: json!({ "logging": { "targetBucket": logs } }),
            has: &["<TargetBucket>"],
            drift: ("PUT", "logging", "", "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>".to_owned()),
            rest: &["!<TargetBucket>"],
            ..case("logging", "logging", "logging", "PutBucketLogging")
        },
        Case {
            wish: json!({ "website": {
                "indexDocument": "index.html", "errorDocument": "error.html",
                "routingRules": [{
                    "condition": { "keyPrefixEquals": "old/" }, "redirect": { "replaceKeyPrefixWith": "" },
                }],
            } }),
            has: &["<Suffix>index.html</Suffix>", "<KeyPrefixEquals>old/</KeyPrefixEquals>"],
            rest: &["NoSuchWebsiteConfiguration"],
            ..case("website", "website", "website", "PutBucketWebsite")
        },
        Case {
            wish: json!({ "notification": {
                "eventBridge": true,
                "queues": [{
                    "id": "all", "arn": queue, "events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"],
                    "suffix": ".json", "prefix": "in/",
                }],
            } }),
            has: &["<EventBridgeConfiguration", "<Queue>arn:aws:sqs:", "<Value>.json</Value>"],
            drift: ("PUT", "notification", "", "<NotificationConfiguration/>".to_owned()),
            rest: &["!Configuration>arn", "!<Queue>", "!EventBridge"],
            ..case(
                "notification",
                "notification",
                "notification",
                "PutBucketNotificationConfiguration",
            )
        },
        Case {
            wish: json!({ "requestPayment": { "payer": "Requester" } }),
            has: &["<Payer>Requester</Payer>"],
            rest: &["<Payer>BucketOwner</Payer>"],
            ..case("payment", "requestPayment", "requestPayment", "PutBucketRequestPayment")
        },
        Case {
            wish: json!({ "accelerate": { "enabled": true } }),
            has: &["<Status>Enabled</Status>"],
            drift: ("PUT", "accelerate", "", switch("AccelerateConfiguration", "Suspended")),
            rest: &["<Status>Suspended</Status>"],
            ..case(
                "accelerate",
                "accelerate",
                "accelerate",
                "PutBucketAccelerateConfiguration",
            )
        },
        Case {
            wish: json!({
                "versioning": { "enabled": true },
                "objectLock": { "enabled": true, "defaultRetention": { "mode": "GOVERNANCE", "days": 3 } },
            }),
            has: &["<Mode>GOVERNANCE</Mode>", "<Days>3</Days>"],
            drift: (
                "PUT",
                "object-lock",
                "",
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
                    .to_owned(),
            ),
            // Never off again.
            removal: json!({ "objectLock": { "defaultRetention": null } }),
            rest: &["<ObjectLockEnabled>Enabled</ObjectLockEnabled>", "!<Mode>"],
            ..case("lock", "objectLock", "object-lock", "PutObjectLockConfiguration")
        },
        Case {
            wish: json!({
                "versioning": { "enabled": true },
                "replication": {
                    "roleARN": "arn:aws:iam::123456789012:role/copy",
                    "rules": [
                        {
                            "id": "b", "enabled": true, "priority": 2, "prefix": "b/", "replicaModifications": true,
                            "destination": {
                                "bucket": bucket_arn("copies"), "accountID": "210987654321", "ownerOverride": true,
                                "metrics": true, "replicationTimeControl": true, "storageClass": "STANDARD_IA",
                            },
                        },
                        {
                            "id": "a", "enabled": false, "deleteMarkerReplication": true,
                            "sseKmsEncryptedObjects": true,
                            "destination": { "bucket": bucket_arn("copies"), "replicaKmsKeyID": "alias/copies" },
                        },
                    ],
                },
            }),
            has: &["<Owner>Destination</Owner>", "<Minutes>15</Minutes>", "<Prefix>b/</Prefix>"],
            removal: json!({ "replication": null, "versioning": { "enabled": false } }),
            rest: &["ReplicationConfigurationNotFoundError"],
            ..case("replication", "replication", "replication", "PutBucketReplication")
        },
        Case {
            wish: json!({ "intelligentTiering": [{
                "id": "cold", "enabled": true, "prefix": "a/", "tags": { "cold": "yes" },
                "tierings": [
                    { "accessTier": "DEEP_ARCHIVE_ACCESS", "days": 200 }, { "accessTier": "ARCHIVE_ACCESS", "days": 90 },
                ],
            }] }),
            has: &["<Id>cold</Id>", "<Days>200</Days>"],
            drift: ("DELETE", "intelligent-tiering&id=cold", "", String::new()),
            rest: &["!<Id>cold</Id>"],
            ..case(
                "tiering",
                "intelligentTiering",
                "intelligent-tiering",
                "PutBucketIntelligentTieringConfiguration",
            )
        },
        Case {
            wish: json!({ "metrics": [{ "id": "all" }, { "id": "some", "prefix": "a/" }] }),
            has: &["<Id>all</Id>", "<Prefix>a/</Prefix>", "!<Id>stray</Id>"],
            drift: (
                "PUT",
                "metrics&id=stray",
                "",
                "<MetricsConfiguration><Id>stray</Id></MetricsConfiguration>".to_owned(),
            ),
            operation: "DeleteBucketMetricsConfiguration",
            rest: &["!<Id>"],
            ..case("metrics", "metrics", "metrics", "")
        },
        Case {
            wish: json!({ "inventory": [{
                "id": "listed", "enabled": false, "includedObjectVersions": "Current", "frequency": "Daily",
                "optionalFields": ["Size", "ETag"],
                "destination": { "bucket": bucket_arn("lists"), "format": "Parquet", "kmsKeyID": "alias/lists" },
            }] }),
            has: &["<Id>listed</Id>", "<KeyId>alias/lists</KeyId>", "<IsEnabled>false</IsEnabled>"],
            drift: ("DELETE", "inventory&id=listed", "", String::new()),
            rest: &["!<Id>"],
            ..case(
                "inventory",
                "inventory",
                "inventory",
                "PutBucketInventoryConfiguration",
            )
        },
        Case {
            wish: json!({ "analytics": [
                { "id": "shown", "tags": { "a": "b", "c": "d" } },
                { "id": "told", "export": { "bucket": bucket_arn("told"), "prefix": "x/" } },
            ] }),
            has: &["<Id>shown</Id>", "<Format>CSV</Format>", "<And>"],
            drift: ("DELETE", "analytics&id=told", "", String::new()),
            rest: &["!<Id>"],
            ..case(
                "analytics",
                "analytics",
                "analytics",
                "PutBucketAnalyticsConfiguration",
            )
        },
        Case {
            wish: json!({ "abac": { "enabled": true } }),
            has: &["<Status>Enabled</Status>"],
            drift: ("PUT", "abac", "", switch("AbacStatus", "Disabled")),
            rest: &["<Status>Disabled</Status>"],
            ..case("abac", "abac", "abac", "PutBucketAbac")
        },
    ])
}
