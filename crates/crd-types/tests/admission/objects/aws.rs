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
        "facets": [{ "name": "versioning", "state": "InSync", "message": "as it should be" }],
        "record": {
            "bucketName": "bucket",
            "accountID": "111122223333",
            "region": "eu-central-1",
            "partition": "aws",
            "created": true,
            "ownedFacets": ["versioning"],
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
        "acl": "private",
        "lifecycleRules": [{
            "id": "old", "enabled": true, "prefix": "logs/", "expiration": { "days": 365 },
            "transitions": [{ "days": 30, "storageClass": "STANDARD_IA" }],
        }],
        "corsRules": [{
            "allowedOrigins": ["*"], "allowedMethods": ["GET"], "allowedHeaders": ["*"],
            "exposeHeaders": ["ETag"], "maxAgeSeconds": 60,
        }],
    });
    let mut with_key = full.clone();
    json_patch(
        &mut with_key,
        &json!({ "encryption": { "algorithm": "aws:kms", "kmsKeyID": "alias/key", "bucketKeyEnabled": true } }),
    );
    vec![
        object("S3Bucket", full, status.clone()),
        object("S3Bucket", with_key, status),
    ]
}
