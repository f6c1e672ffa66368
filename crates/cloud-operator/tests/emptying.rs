//! A bucket that is emptied before it is deleted: all of it, however often the operator dies, and nothing that is
//! locked.

mod scene;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use aws_smithy_types::DateTime;
use crd_types::aws::v1alpha1::{Emptying, S3Bucket};
use harness::proxy::{Action, Rule};
use kube::ResourceExt;
use scene::{Scene, ready_message};
use serde_json::{Value, json};

#[tokio::test]
async fn versions_delete_markers_and_uploads_go_with_the_bucket() -> Result<()> {
    let scene = Scene::new("emptied").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "versioning": { "enabled": true } })).await?;
    fill(&scene, &name, 5).await?;
    let s3 = &scene.somebody.s3;
    let upload = s3.create_multipart_upload().bucket(&name).key("part");
    upload.send().await?;

    scene.aws.proxy().clear();
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&name).await?);
    let said = told(&scene)?;
    // Five objects in two versions each, and five delete markers.
    ensure!(said.contains(&(15, 1)), "{said:?}");
    operator.stop().await
}

#[tokio::test]
async fn an_operator_that_dies_meanwhile_is_replaced_by_one_that_goes_on() -> Result<()> {
    let scene = Scene::new("empty-crash").await?;
    let operator = scene.operator_with(&["--leader-elect=false"])?;
    let name = bucket(&scene, json!({ "versioning": { "enabled": true } })).await?;
    fill(&scene, &name, 3).await?;
    // The answer to the deletion of all objects never comes: they are gone, and nobody has counted them.
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "DeleteObjects",
        Action::DropAfter,
    ));
    scene.delete::<S3Bucket>("data").await?;
    scene
        .aws
        .proxy()
        .settled(|call| call.about == "DeleteObjects")
        .await;
    operator.crash().await;
    rule.remove();
    ensure!(scene.somebody.exists(&name).await?);

    let operator = scene.operator_with(&["--leader-elect=false"])?;
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_pass_does_a_bounded_piece_and_says_how_far_it_is() -> Result<()> {
    let scene = Scene::new("empty-bounded").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    scene.somebody.put(&name, "object").await?;
    // A bucket without end: there is always another page.
    let page = "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>\
                <NextVersionIdMarker>v</NextVersionIdMarker></ListVersionsResult>";
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "ListObjectVersions",
        Action::Answer(http::Response::new(page.into())),
    ));
    scene.aws.proxy().clear();
    scene.delete::<S3Bucket>("data").await?;
    let waiting = scene.refused::<S3Bucket>("data", "Deleting").await?;
    let message = ready_message(&waiting);
    ensure!(message.contains("is being emptied"), "{message}");
    let calls = scene.aws.proxy().requests();
    let mut calls = calls.iter().map(|it| it.call.about.as_str());
    let pages = calls
        .by_ref()
        .take_while(|about| *about != "ListMultipartUploads")
        .filter(|about| *about == "ListObjectVersions");
    ensure!(pages.count() == 10);
    ensure!(calls.all(|about| about != "DeleteBucket"));
    rule.remove();
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn what_is_locked_stays_and_is_told() -> Result<()> {
    let scene = Scene::new("empty-locked").await?;
    let operator = scene.operator()?;
    let wish = json!({ "versioning": { "enabled": true }, "objectLock": { "enabled": true } });
    let name = bucket(&scene, wish).await?;
    scene.somebody.put(&name, "free").await?;
    scene.somebody.put(&name, "held").await?;
    let s3 = &scene.somebody.s3;
    let hold = ObjectLockLegalHold::builder()
        .status(ObjectLockLegalHoldStatus::On)
        .build();
    let put = s3.put_object_legal_hold().bucket(&name).key("held");
    put.legal_hold(hold).send().await?;
    scene.delete::<S3Bucket>("data").await?;
    let stuck = scene.refused::<S3Bucket>("data", "ObjectsKept").await?;
    let message = ready_message(&stuck);
    for part in [
        "\"held\"",
        "AccessDenied",
        "legal hold",
        "Retain or Orphan",
        "abandon=true",
    ] {
        ensure!(message.contains(part), "{part} in {message}");
    }
    let emptying = stuck.status.as_ref().and_then(|status| status.emptying);
    let versions = emptying.map(|emptying| emptying.versions_deleted);
    ensure!(versions == Some(1), "{emptying:?}");
    ensure!(stuck.metadata.deletion_timestamp.is_some() && !stuck.finalizers().is_empty());

    let free = ObjectLockLegalHold::builder()
        .status(ObjectLockLegalHoldStatus::Off)
        .build();
    let put = s3.put_object_legal_hold().bucket(&name).key("held");
    put.legal_hold(free).send().await?;
    let again = json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/reconcile-requested-at": "now",
    } } });
    scene.patch::<S3Bucket>("data", again).await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_retention_is_never_bypassed() -> Result<()> {
    let scene = Scene::new("empty-governed").await?;
    let operator = scene.operator()?;
    let wish = json!({ "versioning": { "enabled": true }, "objectLock": { "enabled": true } });
    let name = bucket(&scene, wish).await?;
    scene.somebody.put(&name, "kept").await?;
    let until = DateTime::from_secs(4_102_444_800);
    let retention = ObjectLockRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .retain_until_date(until)
        .build();
    let s3 = &scene.somebody.s3;
    let put = s3.put_object_retention().bucket(&name).key("kept");
    put.retention(retention).send().await?;
    let head = s3.head_object().bucket(&name).key("kept").send().await?;
    ensure!(head.object_lock_mode == Some(ObjectLockMode::Governance));

    scene.delete::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "ObjectsKept").await?;
    let calls = scene.aws.proxy().requests();
    let mut deletions = calls.iter().filter(|it| it.call.about == "DeleteObjects");
    let bypassed = deletions.any(|it| {
        it.call
            .headers
            .contains_key("x-amz-bypass-governance-retention")
    });
    ensure!(!bypassed);
    let head = s3.head_object().bucket(&name).key("kept").send().await;
    head.context("it is still there")?;
    operator.stop().await
}

/// A ready bucket that is emptied on deletion.
async fn bucket(scene: &Scene, mut wish: Value) -> Result<String> {
    wish["emptyOnDelete"] = true.into();
    scene.provider("account").await?;
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    Ok(scene.bucket_name("data"))
}

/// Objects in two versions each, behind a delete marker.
async fn fill(scene: &Scene, bucket: &str, objects: usize) -> Result<()> {
    for number in 0..objects {
        let key = format!("object/{number}");
        scene.somebody.put(bucket, &key).await?;
        scene.somebody.put(bucket, &key).await?;
        scene.somebody.remove(bucket, &key).await?;
    }
    Ok(())
}

/// What the operator wrote of its progress: versions and uploads.
fn told(scene: &Scene) -> Result<Vec<(i64, i64)>> {
    let writes = scene.api.proxy().requests().into_iter();
    let bodies = writes.filter(|it| it.call.path.ends_with("/data/status"));
    let progress = bodies.filter_map(|it| {
        let body: Value = serde_json::from_slice(&it.call.body).ok()?;
        let found = find(&body)?;
        let Emptying {
            versions_deleted,
            uploads_aborted,
        } = serde_json::from_value(found).ok()?;
        Some((versions_deleted, uploads_aborted))
    });
    Ok(progress.collect())
}

/// The progress somewhere in a patch.
fn find(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key("versionsDeleted") => Some(value.clone()),
        Value::Object(fields) => fields.values().find_map(find),
        Value::Array(items) => items.iter().find_map(find),
        _ => None,
    }
}
