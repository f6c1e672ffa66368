//! Valid objects that together have a value for every field.

use serde_json::{Value, json};

use crate::tree::Path;

/// Full objects of a kind. Where fields exclude each other there is one object for each choice.
pub fn bases(kind: &str) -> Vec<Value> {
    match kind {
        "AWSProvider" => providers(),
        "S3Bucket" => buckets(),
        _ => panic!("no objects of the kind {kind}: add some"),
    }
}

/// The first full object that has a value at `path`, and the pointer to it.
pub fn base_with(kind: &str, path: &Path) -> (Value, String) {
    bases(kind)
        .into_iter()
        .find_map(|base| path.pointer_in(&base).map(|pointer| (base, pointer)))
        .unwrap_or_else(|| panic!("no object of the kind {kind} has {path}: add it to one"))
}

fn object(kind: &str, spec: Value, mut status: Value) -> Value {
    let lifecycle = json!({
        "ready": true,
        "observedGeneration": 1,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Tried", "message": "for a test",
            "lastTransitionTime": "2024-01-02T03:04:05Z", "observedGeneration": 1,
        }],
        "lastSyncTime": "2024-01-02T03:04:05Z",
        "lastHandledReconcileAt": "now",
        "deletionPolicy": "Delete",
    });
    json_patch(&mut status, &lifecycle);
    json!({
        "apiVersion": format!("{}/{}", crd_types::aws::v1alpha1::GROUP, crd_types::aws::v1alpha1::VERSION),
        "kind": kind,
        "metadata": { "name": "trial" },
        "spec": spec,
        "status": status,
    })
}

fn providers() -> Vec<Value> {
    let status = json!({
        "accountID": "111122223333",
        "callerIdentity": "arn:aws:sts::111122223333:assumed-role/role/session",
        "partition": "aws",
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
        json!({ "region": "eu-central-1", "roleARN": "arn:aws:iam::111122223333:role/operator" }),
    ];
    specs
        .into_iter()
        .map(|spec| object("AWSProvider", spec, status.clone()))
        .collect()
}

fn buckets() -> Vec<Value> {
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

/// A JSON merge patch (RFC 7386).
pub fn json_patch(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            value.as_object_mut().expect("made one above").remove(key);
        } else {
            json_patch(&mut value[key], change);
        }
    }
}
