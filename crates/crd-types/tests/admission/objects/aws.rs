use serde_json::{Map, Value, json};

use super::{json_patch, lifecycle};

fn object(kind: &str, spec: Value, mut status: Value) -> Value {
    json_patch(&mut status, &lifecycle());
    status["deletionPolicy"] = "Delete".into();
    json!({
        "apiVersion": format!("{}/{}", crd_types::aws::v1alpha1::GROUP, crd_types::aws::v1alpha1::VERSION),
        "kind": kind,
        "metadata": { "name": "trial" },
        "spec": spec,
        "status": status,
    })
}

pub fn providers() -> Vec<Value> {
    let status = json!({
        "accountID": "111122223333",
        "callerIdentity": "arn:aws:sts::111122223333:assumed-role/role/session",
        "partition": "aws",
        "externalID": "0b6c8c1e/platform/trial",
        "lastAuthenticationTime": "2024-01-02T03:04:05Z",
    });
    let specs = [
        json!({
            "region": "eu-central-1",
            "endpoint": "https://store.example",
            "credentialsSecret": { "name": "keys", "namespace": "vault" },
            "assumeRoleARN": "arn:aws:iam::111122223333:role/other",
            "externalID": "cluster-7",
            "defaultTags": { "team": "platform" },
            "allowedNamespaces": ["team-a"],
        }),
        json!({
            "region": "eu-central-1",
            "accessKeyIDRef": { "name": "keys", "namespace": "vault", "key": "id" },
            "secretAccessKeyRef": { "name": "keys", "namespace": "vault", "key": "secret" },
        }),
        json!({
            "region": "eu-central-1",
            "roleARN": "arn:aws:iam::111122223333:role/operator",
            "webIdentity": {
                "tokenFile": "/var/run/secrets/tokens/aws",
                "sessionName": "operator",
                "durationSeconds": 900,
            },
            "expectedAccountID": "111122223333",
            "useFIPSEndpoint": true,
            "useDualStackEndpoint": true,
        }),
        json!({
            "region": "eu-central-1",
            "assumeRoleChain": [{
                "roleARN": "arn:aws:iam::111122223333:role/other",
                "externalID": "cluster-7",
                "sessionName": "operator",
                "durationSeconds": 1800,
                "tags": { "team": "platform" },
                "policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
                "policyARNs": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            }],
        }),
        chain_with_tags(
            &(0..45)
                .map(|index| format!("item-{index}"))
                .collect::<Vec<_>>(),
        ),
        chain_with_tags(&["a".to_owned(), "a".repeat(128)]),
    ];
    specs
        .into_iter()
        .map(|spec| object("AWSProvider", spec, status.clone()))
        .collect()
}

/// A role whose session has these tags, the first of which stays.
fn chain_with_tags(keys: &[String]) -> Value {
    let tags: Map<String, Value> = keys.iter().map(|key| (key.clone(), json!("x"))).collect();
    json!({
        "region": "eu-central-1",
        "assumeRoleChain": [{
            "roleARN": "arn:aws:iam::111122223333:role/other",
            "tags": tags,
            "transitiveTagKeys": [keys[0]],
        }],
    })
}

pub fn buckets() -> Vec<Value> {
    let status = json!({
        "arn": "arn:aws:s3:::bucket",
        "region": "eu-central-1",
        "accountID": "111122223333",
        "bucketDomainName": "bucket.s3.eu-central-1.amazonaws.com",
        "facets": [{
            "name": "versioning", "state": "Failed", "code": "AccessDenied", "message": "no",
        }],
        "drift": {
            "fields": [{ "field": "versioning.enabled", "found": "false", "wanted": "true" }],
            "omitted": 1,
        },
        "deletionPolicySource": "Spec",
        "plan": {
            "action": "Update",
            "fields": [{ "field": "versioning.enabled", "found": "false", "wanted": "true" }],
            "omitted": 1,
        },
        "emptying": { "versionsDeleted": 1000, "uploadsAborted": 1 },
        "record": {
            "bucketName": "bucket",
            "accountID": "111122223333",
            "region": "eu-central-1",
            "partition": "aws",
            "store": "https://store.example:443",
            "provider": "platform/aws",
            "objectUID": "7b6c8c1e-0000-4000-8000-000000000000",
            "creationBeganAt": "2024-01-02T03:04:05Z",
            "created": true,
            "adopted": true,
            "ownedFacets": ["versioning"],
            "settledFacets": { "versioning": "0123456789abcdef" },
        },
    });
    let full = json!({
        "providerRef": { "name": "aws", "namespace": "platform" },
        "bucketName": "bucket",
        "versioning": { "enabled": true },
        "encryption": { "algorithm": "AES256", "bucketKeyEnabled": false },
        "publicAccessBlock": {
            "blockPublicAcls": true, "ignorePublicAcls": true,
            "blockPublicPolicy": true, "restrictPublicBuckets": true,
        },
        "ownershipControls": { "objectOwnership": "BucketOwnerEnforced" },
        "tags": { "team": "platform" },
        "deletionPolicy": "Retain",
        "mode": "Observe",
        "drift": { "policy": "Report", "ignore": ["tags.cost-center"] },
        "acl": "private",
        "emptyOnDelete": true,
        "policy": "{}",
        "lifecycleRules": [{
            "id": "old", "enabled": true, "prefix": "logs/", "tags": { "keep": "no" },
            "objectSizeGreaterThan": 1, "objectSizeLessThan": 10, "expiration": { "days": 365 },
            "transitions": [{ "days": 30, "storageClass": "STANDARD_IA" }],
            "noncurrentVersionExpiration": { "noncurrentDays": 5, "newerNoncurrentVersions": 2 },
            "noncurrentVersionTransitions": [{
                "noncurrentDays": 3, "newerNoncurrentVersions": 2, "storageClass": "GLACIER_IR",
            }],
        }],
        "corsRules": [{
            "allowedOrigins": ["*"], "allowedMethods": ["GET"], "allowedHeaders": ["*"],
            "exposeHeaders": ["ETag"], "maxAgeSeconds": 60,
        }],
        "logging": { "targetBucket": "logs", "targetPrefix": "bucket/" },
        "website": {
            "indexDocument": "index.html", "errorDocument": "error.html",
            "routingRules": [{
                "condition": { "httpErrorCodeReturnedEquals": "404", "keyPrefixEquals": "old/" },
                "redirect": {
                    "hostName": "example.com", "httpRedirectCode": "302", "protocol": "https",
                    "replaceKeyPrefixWith": "new/",
                },
            }],
        },
        "notification": {
            "eventBridge": true,
            "queues": [target("sqs")], "topics": [target("sns")], "lambdaFunctions": [target("lambda")],
        },
        "requestPayment": { "payer": "Requester" },
        "accelerate": { "enabled": false },
        "objectLock": { "enabled": true, "defaultRetention": { "mode": "GOVERNANCE", "days": 1 } },
        "replication": {
            "roleARN": "arn:aws:iam::111122223333:role/copy",
            "rules": [{
                "id": "all", "enabled": true, "priority": 1, "prefix": "a/", "tags": { "copy": "yes" },
                "destination": {
                    "bucket": "arn:aws:s3:::copies", "storageClass": "STANDARD", "accountID": "111122223333",
                    "ownerOverride": true, "replicaKmsKeyID": "alias/copies",
                    "replicationTimeControl": true, "metrics": true,
                },
                "deleteMarkerReplication": false, "sseKmsEncryptedObjects": true,
                "replicaModifications": true,
            }],
        },
        "intelligentTiering": [{
            "id": "cold", "enabled": true, "prefix": "a/", "tags": { "cold": "yes" },
            "tierings": [{ "accessTier": "ARCHIVE_ACCESS", "days": 90 }],
        }],
        "metrics": [{
            "id": "counted", "prefix": "a/", "tags": { "count": "yes" },
            "accessPointARN": "arn:aws:s3:eu-central-1:111122223333:accesspoint/a",
        }],
        "inventory": [{
            "id": "listed", "enabled": true, "includedObjectVersions": "All", "frequency": "Weekly",
            "prefix": "a/", "optionalFields": ["Size"],
            "destination": {
                "bucket": "arn:aws:s3:::lists", "format": "CSV", "accountID": "111122223333",
                "prefix": "b/", "kmsKeyID": "alias/lists",
            },
        }],
        "analytics": [{
            "id": "watched", "prefix": "a/", "tags": { "watch": "yes" },
            "export": { "bucket": "arn:aws:s3:::watched", "accountID": "111122223333", "prefix": "b/" },
        }],
        "abac": { "enabled": true },
    });
    let mut otherwise = full.clone();
    json_patch(
        &mut otherwise,
        &json!({
            "lifecycleRules": [{
                "id": "unfinished", "enabled": true,
                "expiration": { "date": "2030-12-31" },
                "transitions": [{ "date": "2030-12-31", "storageClass": "GLACIER" }],
                "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 },
            }],
            "website": {
                "indexDocument": null, "errorDocument": null, "routingRules": null,
                "redirectAllRequestsTo": { "hostName": "example.com", "protocol": "https" },
            },
            "objectLock": { "defaultRetention": { "days": null, "years": 1 } },
        }),
    );
    let mut marked = full.clone();
    json_patch(
        &mut marked,
        &json!({
            "lifecycleRules": [{
                "id": "markers", "enabled": true, "expiration": { "expiredObjectDeleteMarker": true },
            }],
            "website": {
                "routingRules": [{ "redirect": { "replaceKeyWith": "index.html" } }],
            },
        }),
    );
    let mut with_key = full.clone();
    json_patch(
        &mut with_key,
        &json!({ "encryption": { "algorithm": "aws:kms", "kmsKeyID": "alias/key", "bucketKeyEnabled": true } }),
    );
    vec![
        object("S3Bucket", full, status.clone()),
        object("S3Bucket", with_key, status.clone()),
        object("S3Bucket", otherwise, status.clone()),
        object("S3Bucket", marked, status),
    ]
}

fn target(service: &str) -> Value {
    json!({
        "id": service, "arn": format!("arn:aws:{service}:eu-central-1:111122223333:target"),
        "events": ["s3:ObjectCreated:*"], "prefix": "in/", "suffix": ".json",
    })
}
