//! Wishes that several tests have.

use anyhow::{Result, ensure};
use harness::Moto;
use serde_json::{Map, Value, json};

use super::{Scene, outside::REGION};

/// The patch of a spec that takes a wish back; but for object lock, which AWS never turns off, and then versioning,
/// without which it cannot be.
pub fn taken_back(wish: &Value) -> Value {
    let fields = wish.as_object().into_iter().flatten();
    let mut nothing: Map<_, _> = fields
        .map(|(field, _)| (field.clone(), Value::Null))
        .collect();
    if let Some(lock) = nothing.get_mut("objectLock") {
        *lock = json!({ "defaultRetention": null });
        nothing.remove("versioning");
    }
    nothing.into()
}

/// A wish for every part of this bucket that needs nothing else in its account.
pub fn alone(bucket: &str) -> Value {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": format!("arn:aws:s3:::{bucket}/*"),
            "Condition": { "Bool": { "aws:SecureTransport": false } },
        }],
    });
    json!({
        "tags": { "team": "a" },
        "versioning": { "enabled": true },
        "encryption": { "algorithm": "AES256" },
        "publicAccessBlock": { "ignorePublicAcls": false },
        "ownershipControls": { "objectOwnership": "BucketOwnerPreferred" },
        "acl": "private",
        "policy": policy.to_string(),
        "lifecycleRules": [{
            "id": "old", "enabled": true, "prefix": "logs/", "tags": { "keep": "no" },
            "objectSizeGreaterThan": 1000, "expiration": { "days": 90 },
            "transitions": [{ "days": 30, "storageClass": "GLACIER_IR" }],
            "noncurrentVersionExpiration": { "noncurrentDays": 5, "newerNoncurrentVersions": 2 },
        }, {
            "id": "unfinished", "enabled": true, "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 },
        }],
        "corsRules": [{
            "allowedOrigins": ["https://a.example"], "allowedMethods": ["GET", "PUT"],
            "allowedHeaders": ["*"], "exposeHeaders": ["ETag"], "maxAgeSeconds": 60,
        }],
        "website": { "indexDocument": "index.html", "errorDocument": "error.html" },
        "notification": { "eventBridge": true },
        "requestPayment": { "payer": "Requester" },
        "intelligentTiering": [{
            "id": "cold", "enabled": true, "prefix": "a/",
            "tierings": [{ "accessTier": "ARCHIVE_ACCESS", "days": 90 }],
        }],
        "metrics": [{ "id": "all" }, { "id": "some", "prefix": "a/" }],
        "analytics": [{ "id": "watched", "prefix": "a/" }],
    })
}

impl Scene {
    /// A wish for every facet of the bucket of the object `name`, none of it what AWS gives by itself; but for
    /// ABAC, under which AWS does not take the operator's tags.
    pub async fn every_facet(&self, name: &str) -> Result<Value> {
        let arn = |name: &str| format!("arn:aws:s3:::{}", self.bucket_name(name));
        let mut wish = alone(&self.bucket_name(name));
        wish["lifecycleRules"][0]["noncurrentVersionTransitions"] =
            json!([{ "noncurrentDays": 3, "storageClass": "STANDARD_IA" }]);
        let rest = json!({
            "encryption": { "algorithm": "aws:kms", "kmsKeyID": "alias/data", "bucketKeyEnabled": true },
            "publicAccessBlock": { "ignorePublicAcls": true },
            "acl": "public-read",
            "logging": { "targetBucket": self.logs().await?, "targetPrefix": format!("{name}/") },
            "website": {
                "indexDocument": "index.html", "errorDocument": "error.html",
                "routingRules": [{
                    "condition": { "httpErrorCodeReturnedEquals": "404", "keyPrefixEquals": "old/" },
                    "redirect": {
                        "hostName": "a.example", "httpRedirectCode": "302", "protocol": "https",
                        "replaceKeyPrefixWith": "new/",
                    },
                }],
            },
            "notification": {
                "eventBridge": true,
                "queues": [{
                    "id": "all", "arn": self.queue().await?, "prefix": "in/", "suffix": ".json",
                    "events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"],
                }],
            },
            "accelerate": { "enabled": true },
            "objectLock": { "enabled": true, "defaultRetention": { "mode": "GOVERNANCE", "days": 1 } },
            "replication": {
                "roleARN": "arn:aws:iam::123456789012:role/copy",
                "rules": [{
                    "id": "all", "enabled": true, "priority": 1, "prefix": "a/", "tags": { "copy": "yes" },
                    "destination": {
                        "bucket": arn("copies"), "storageClass": "GLACIER", "accountID": "210987654321",
                        "ownerOverride": true, "replicaKmsKeyID": "alias/copies", "metrics": true,
                        "replicationTimeControl": true,
                    },
                    "sseKmsEncryptedObjects": true, "replicaModifications": true,
                }],
            },
            "intelligentTiering": [{
                "id": "cold", "enabled": true, "prefix": "a/", "tags": { "cold": "yes" },
                "tierings": [{ "accessTier": "ARCHIVE_ACCESS", "days": 90 }],
            }],
            "metrics": [{ "id": "all" }, { "id": "some", "prefix": "a/", "tags": { "a": "b" } }],
            "inventory": [{
                "id": "listed", "enabled": true, "includedObjectVersions": "All", "frequency": "Weekly",
                "prefix": "a/", "optionalFields": ["Size", "ETag"],
                "destination": {
                    "bucket": arn("lists"), "format": "CSV", "accountID": "123456789012", "prefix": "b/",
                    "kmsKeyID": "alias/lists",
                },
            }],
            "analytics": [{
                "id": "watched", "prefix": "a/", "tags": { "watch": "yes" },
                "export": { "bucket": arn("watched"), "accountID": "123456789012", "prefix": "b/" },
            }],
        });
        for (facet, value) in rest.as_object().into_iter().flatten() {
            wish[facet] = value.clone();
        }
        Ok(wish)
    }

    /// A queue that takes what happens in buckets.
    pub async fn queue(&self) -> Result<String> {
        Moto::shared()
            .await?
            .queue(self.namespace.name(), REGION)
            .await
    }

    /// A bucket that takes logs.
    pub async fn logs(&self) -> Result<String> {
        let name = format!("logs.{}", self.namespace.name());
        if self.somebody.exists(&name).await? {
            return Ok(name);
        }
        self.somebody.create(&name).await?;
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" },
                "Action": ["s3:PutObject"], "Resource": format!("arn:aws:s3:::{name}/*"),
            }],
        });
        let path = format!("{name}?policy");
        let put = self
            .somebody
            .ask("PUT", &path, "", &policy.to_string())
            .await?;
        ensure!(put.starts_with("HTTP/1.1 2"), "{put}");
        Ok(name)
    }
}
