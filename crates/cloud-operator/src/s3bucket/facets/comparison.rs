//! How the values of every facet compare: the same in another order is equal, and each change of a field differs.

use crd_types::aws::v1alpha1::S3Bucket;
use operator_core::engines::external::Mark;
use serde_json::{Value, json};

use super::{AnyFacet, Change, TABLE, TagMap, Wish};

/// A bucket with a value for every facet.
fn object() -> S3Bucket {
    let target = |id: &str, service: &str| {
        json!({
            "id": id, "arn": format!("arn:aws:{service}:eu-central-1:111122223333:t"),
            "events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "prefix": "in/", "suffix": ".json",
        })
    };
    let mut spec = json!({
        "providerRef": { "name": "aws" },
        "bucketName": "data",
        "tags": { "team": "a", "tier": "gold" },
        "ownershipControls": { "objectOwnership": "ObjectWriter" },
        "publicAccessBlock": { "blockPublicAcls": true },
        "acl": "public-read-write",
        "policy": "{\"Version\": \"2012-10-17\", \"Statement\": []}",
        "versioning": { "enabled": true },
        "objectLock": { "enabled": true, "defaultRetention": { "mode": "GOVERNANCE", "days": 1 } },
        "encryption": { "algorithm": "aws:kms", "kmsKeyID": "alias/a", "bucketKeyEnabled": true },
        "lifecycleRules": [
            {
                "id": "a", "enabled": true, "prefix": "a/", "tags": { "k": "v" },
                "objectSizeGreaterThan": 1, "objectSizeLessThan": 9, "expiration": { "days": 90 },
                "transitions": [
                    { "days": 30, "storageClass": "STANDARD_IA" }, { "days": 60, "storageClass": "GLACIER" },
                ],
                "noncurrentVersionExpiration": { "noncurrentDays": 9, "newerNoncurrentVersions": 2 },
                "noncurrentVersionTransitions": [
                    { "noncurrentDays": 3, "newerNoncurrentVersions": 1, "storageClass": "GLACIER" },
                ],
            },
            {
                "id": "b", "enabled": true, "expiration": { "date": "2040-12-31" },
                "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 },
            },
        ],
        "corsRules": [
            {
                "allowedOrigins": ["https://a", "https://b"], "allowedMethods": ["GET", "PUT"],
                "allowedHeaders": ["x", "y"], "exposeHeaders": ["ETag", "Date"], "maxAgeSeconds": 60,
            },
            { "allowedOrigins": ["*"], "allowedMethods": ["HEAD"] },
        ],
    });
    let rest = json!({
        "logging": { "targetBucket": "logs", "targetPrefix": "data/" },
        "website": {
            "indexDocument": "index.html", "errorDocument": "error.html",
            "routingRules": [{
                "condition": { "keyPrefixEquals": "a/", "httpErrorCodeReturnedEquals": "404" },
                "redirect": {
                    "hostName": "a.example", "httpRedirectCode": "302", "protocol": "https",
                    "replaceKeyPrefixWith": "b/",
                },
            }],
        },
        "notification": {
            "eventBridge": true, "queues": [target("a", "sqs"), target("b", "sqs")],
            "topics": [target("c", "sns")], "lambdaFunctions": [target("d", "lambda")],
        },
        "requestPayment": { "payer": "Requester" },
        "accelerate": { "enabled": true },
        "intelligentTiering": [{
            "id": "a", "enabled": true, "prefix": "a/", "tags": { "k": "v", "l": "w" },
            "tierings": [
                { "accessTier": "ARCHIVE_ACCESS", "days": 90 },
                { "accessTier": "DEEP_ARCHIVE_ACCESS", "days": 180 },
            ],
        }],
        "metrics": [
            { "id": "a", "prefix": "a/", "tags": { "k": "v" }, "accessPointARN": "arn:aws:s3:::a" },
            { "id": "b" },
        ],
        "inventory": [{
            "id": "a", "enabled": true, "includedObjectVersions": "All", "frequency": "Daily", "prefix": "a/",
            "optionalFields": ["Size", "ETag"],
            "destination": {
                "bucket": "arn:aws:s3:::b", "format": "CSV", "accountID": "111122223333", "prefix": "p/",
                "kmsKeyID": "alias/a",
            },
        }],
        "analytics": [{
            "id": "a", "prefix": "a/", "tags": { "k": "v" },
            "export": { "bucket": "arn:aws:s3:::b", "accountID": "111122223333", "prefix": "p/" },
        }],
        "abac": { "enabled": true },
        "replication": {
            "roleARN": "arn:aws:iam::111122223333:role/copy",
            "rules": [
                {
                    "id": "a", "enabled": true, "priority": 1, "prefix": "a/", "tags": { "k": "v" },
                    "destination": {
                        "bucket": "arn:aws:s3:::b", "storageClass": "GLACIER", "accountID": "111122223333",
                        "ownerOverride": true, "replicaKmsKeyID": "alias/b", "metrics": true,
                        "replicationTimeControl": true,
                    },
                    "sseKmsEncryptedObjects": true, "replicaModifications": true,
                },
                {
                    "id": "b", "enabled": true, "priority": 2, "deleteMarkerReplication": true,
                    "destination": { "bucket": "arn:aws:s3:::b" },
                },
            ],
        },
    });
    let rest = rest.as_object().cloned().unwrap_or_default();
    spec.as_object_mut().unwrap().extend(rest);
    serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1",
        "kind": "S3Bucket",
        "metadata": { "name": "data" },
        "spec": spec,
    }))
    .unwrap()
}

/// Every facet with what the object wants of it.
fn wanted() -> Vec<(&'static dyn AnyFacet, Value)> {
    let object = object();
    object.spec.check().expect("as admission would have it");
    let mark = Mark {
        installation: "cluster".into(),
        kind: "S3Bucket".into(),
        namespace: "team".into(),
        name: "data".into(),
        uid: "1".into(),
    };
    let wish = Wish {
        spec: &object.spec,
        default_tags: &TagMap::new(),
        mark: &mark,
    };
    let wanted = |facet: &&'static dyn AnyFacet| Some((*facet, facet.wanted(&wish)?));
    let wanted: Vec<_> = TABLE.iter().filter_map(wanted).collect();
    assert_eq!(
        wanted.len(),
        TABLE.len(),
        "the object speaks of every facet"
    );
    wanted
}

/// Every value that differs from `value` in one leaf, or lacks one.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (name, field) in fields {
                let with = |other: Option<Value>| {
                    let mut fields = fields.clone();
                    match other {
                        Some(other) => fields.insert(name.clone(), other),
                        None => fields.remove(name),
                    };
                    Value::Object(fields)
                };
                all.extend(changed(field).into_iter().map(|other| with(Some(other))));
                all.push(with(None));
            }
            all
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let with = |other: Option<Value>| {
                    let mut items = items.clone();
                    match other {
                        Some(other) => items[at] = other,
                        None => drop(items.remove(at)),
                    }
                    Value::Array(items)
                };
                all.extend(changed(item).into_iter().map(|other| with(Some(other))));
                all.push(with(None));
            }
            all
        }
        Value::Bool(on) => vec![json!(!on)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 1)],
        Value::String(text) => vec![json!(format!("{text}x"))],
        Value::Null => vec![],
    }
}

/// The same with every list below `depth` turned around.
fn turned(value: &Value, depth: usize) -> Value {
    match value {
        Value::Object(fields) => {
            let turn = |(name, field): (&String, &Value)| (name.clone(), turned(field, depth));
            Value::Object(fields.iter().map(turn).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items
                .iter()
                .map(|item| turned(item, depth.saturating_sub(1)))
                .collect();
            if depth == 0 {
                items.reverse();
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

#[test]
fn what_is_as_wanted_needs_no_write_in_whatever_order() {
    for (facet, wanted) in wanted() {
        let ordered = usize::from(facet.name() == "corsRules");
        let found = turned(&wanted, ordered);
        assert_eq!(facet.diff(&found, Some(&wanted)), [], "{}", facet.name());
    }
}

#[test]
fn each_changed_field_is_a_difference_that_names_its_facet() {
    for (facet, wanted) in wanted() {
        let name = facet.name();
        // These read only what a value of theirs can be.
        let typed = [
            "ownershipControls",
            "publicAccessBlock",
            "encryption",
            "versioning",
            "accelerate",
            "abac",
        ];
        let others = changed(&wanted);
        assert!(!others.is_empty(), "{name}");
        for found in others {
            let lacks = found
                .as_object()
                .is_some_and(|it| it.len() < wanted.as_object().map_or(0, |it| it.len()));
            if typed.contains(&name) && lacks {
                continue;
            }
            let diffs = facet.diff(&found, Some(&wanted));
            assert!(!diffs.is_empty(), "{name}: {found} is taken for {wanted}");
            for diff in &diffs {
                assert_eq!(diff.facet, name);
                assert!(diff.field.starts_with(name), "{diff}");
            }
            let diffs: Vec<_> = diffs.iter().collect();
            assert!(
                !facet.changes(Some(&wanted), &diffs).is_empty(),
                "{name}: {found}"
            );
        }
    }
}

#[test]
fn what_is_no_longer_wanted_comes_to_rest_and_stays_there() {
    for (facet, value) in wanted() {
        let name = facet.name();
        let diffs = facet.diff(&value, None);
        // Tags are never left out: they carry the mark.
        assert_eq!(diffs.is_empty(), name == "tags", "{name}: {diffs:?}");
    }
}

#[test]
fn of_a_list_only_those_are_written_that_differ() {
    let (facet, wanted) = wanted()
        .into_iter()
        .find(|(facet, _)| facet.name() == "metrics")
        .unwrap();
    let found = json!([{ "id": "b" }, { "id": "a", "prefix": "z/" }, { "id": "stray.1" }]);
    let diffs = facet.diff(&found, Some(&wanted));
    let shown: Vec<String> = diffs.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "metrics[a].accessPointARN: unset → arn:aws:s3:::a",
            "metrics[a].prefix: z/ → a/",
            "metrics[a].tags: unset → {\"k\":\"v\"}",
            "metrics[stray.1]: {} → unset",
        ]
    );
    let changes = facet.changes(Some(&wanted), &diffs.iter().collect::<Vec<_>>());
    let put = Change::Put {
        id: "a".into(),
        item: wanted[0].clone(),
    };
    let delete = Change::Delete {
        id: "stray.1".into(),
    };
    assert_eq!(changes, [put, delete]);
}
