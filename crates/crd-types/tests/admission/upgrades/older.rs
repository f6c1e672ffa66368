//! Objects that were made for the older operator, which had hardly a rule.

use std::{fs, path::Path};

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::{edit, kind::Kind, least, lives_on};
use crate::{manifests::documents, twins};

/// The older definition of a kind.
fn older(kind: &str) -> CustomResourceDefinition {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/older-definitions/aws.yaml");
    let text = fs::read_to_string(file).unwrap();
    let all: Vec<CustomResourceDefinition> = serde_saphyr::from_multiple(&text).unwrap();
    let mut all = all.into_iter();
    all.find(|it| it.spec.names.kind == kind).unwrap()
}

/// A status as the older operator left it.
fn status() -> Value {
    json!({
        "ready": true, "region": "us-east-1", "accountID": "111122223333",
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "BucketReady", "message": "",
            "lastTransitionTime": "2024-01-02T03:04:05Z",
        }],
    })
}

/// Specs that the older definition took and ours refuses: the value with which each can be edited again, where the rest
/// of it cannot be before.
fn refused(kind: &str) -> Vec<(&'static str, Value, Option<Value>)> {
    let bucket = |more: Value| {
        let mut spec = least("S3Bucket");
        for (field, value) in more.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        spec
    };
    match kind {
        "AWSProvider" => vec![
            (
                "role",
                json!({ "region": "eu-central-1", "roleARN": "infra" }),
                None,
            ),
            (
                "tags",
                json!({ "region": "eu-central-1", "defaultTags": { "aws:a": "b" } }),
                None,
            ),
            // What concerns several fields is judged whenever one field of them all changes.
            (
                "region",
                json!({ "region": "local" }),
                Some(json!({ "region": "us-east-1" })),
            ),
            (
                "keys",
                json!({ "region": "eu-central-1", "accessKeyIDRef": { "name": "a", "key": "b" } }),
                Some(json!({ "accessKeyIDRef": null })),
            ),
        ],
        _ => vec![
            (
                "name",
                bucket(json!({ "bucketName": "Not_A_Bucket" })),
                None,
            ),
            ("tags", bucket(json!({ "tags": { "aws:a": "b" } })), None),
            (
                "cors",
                bucket(
                    json!({ "corsRules": [{ "allowedOrigins": ["*"], "allowedMethods": ["PATCH"] }] }),
                ),
                None,
            ),
            (
                "rule",
                bucket(json!({ "lifecycleRules": [{ "id": "a", "enabled": true }] })),
                None,
            ),
            (
                "key",
                bucket(json!({ "encryption": { "algorithm": "AES256", "kmsKeyID": "some key" } })),
                None,
            ),
        ],
    }
}

#[tokio::test]
async fn what_the_older_operator_left_lives_on_and_can_be_edited() {
    for (present, check) in [
        (AWSProvider::crd(), check::<AWSProvider> as Check),
        (S3Bucket::crd(), check::<S3Bucket>),
    ] {
        let name = present.spec.names.kind.clone();
        let kind = Kind::like(&present).await;
        kind.install(&older(&name), &least(&name)).await;
        let manifests = documents("tests/fixtures/aws").into_iter();
        let manifests = manifests.filter(|(_, manifest)| manifest["kind"] == name);
        let manifests: Vec<_> = manifests.map(|(_, manifest)| manifest).collect();
        for (index, manifest) in manifests.iter().enumerate() {
            let fine = format!("fine-{index}");
            kind.store(&fine, &manifest["spec"], &status())
                .await
                .unwrap();
        }
        for (object, spec, _) in refused(&name) {
            kind.store(object, &spec, &status()).await.unwrap();
        }

        kind.store("nothing", &Value::Null, &Value::Null)
            .await
            .unwrap();

        kind.install(&present, &least(&name)).await;
        for index in 0..manifests.len() {
            let fine = format!("fine-{index}");
            twins::accept(&kind.read(&fine).await.unwrap()).unwrap();
            kind.patch(&fine, &edit(&name)).await.unwrap();
            lives_on(&kind, &fine).await.unwrap();
        }
        // What has no spec at all has to get one first; only its status can be written before.
        kind.read("nothing").await.unwrap();
        let why = kind.label("nothing").await.unwrap_err();
        assert!(why.contains("spec: Required value"), "{why}");
        let ready = json!({ "ready": false });
        kind.write_status("nothing", &ready).await.unwrap();
        let spec = json!({ "spec": least(&name) });
        kind.patch("nothing", &spec).await.unwrap();
        lives_on(&kind, "nothing").await.unwrap();

        for (object, spec, mended) in refused(&name) {
            let anew = kind.store("anew", &spec, &Value::Null).await;
            let why = anew.expect_err("a new object like this is refused");
            // It can be read, and is told to be wrong.
            check(&kind.read(object).await.unwrap(), object);
            kind.label(object).await.unwrap();
            let edited = kind.patch(object, &edit(&name)).await;
            assert_eq!(
                edited.is_ok(),
                mended.is_none(),
                "{object}: {why}: {edited:?}"
            );
            if let Some(mended) = mended {
                kind.patch(object, &json!({ "spec": mended }))
                    .await
                    .unwrap();
                kind.patch(object, &edit(&name)).await.unwrap();
            }
            lives_on(&kind, object).await.unwrap();
        }
        kind.uninstall().await;
    }
}

type Check = fn(&Value, &str);

trait Checked: serde::de::DeserializeOwned {
    fn is_valid(&self) -> bool;
}

impl Checked for AWSProvider {
    fn is_valid(&self) -> bool {
        self.spec.check().is_ok()
    }
}

impl Checked for S3Bucket {
    fn is_valid(&self) -> bool {
        self.spec.check().is_ok()
    }
}

fn check<K: Checked>(object: &Value, name: &str) {
    let read: K = serde_json::from_value(object.clone()).unwrap();
    assert!(!read.is_valid(), "{name} is valid");
}
