//! How a bucket's object goes: what each deletion policy does, and that nothing keeps an object for ever.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    aws::refusal,
    proxy::{Action, Rule},
    wait,
};
use http::StatusCode;
use kube::ResourceExt;
use scene::{PATIENCE, Scene, lifecycle, outside::pairs, ready_message};
use serde_json::{Value, json};

const FINALIZER: &str = "aws-infra-operator.runner.codes/s3bucket-finalizer";
const EARLIER_FINALIZER: &str = "aws-infra-operator.runner.codes/s3bucket-finalizer-clean";

#[tokio::test]
async fn delete_refuses_a_bucket_that_holds_objects() -> Result<()> {
    let scene = Scene::new("delete").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Delete" })).await?;
    scene.somebody.put(&name, "precious").await?;
    scene.delete::<S3Bucket>("data").await?;

    let refused = scene.refused::<S3Bucket>("data", "BucketNotEmpty").await?;
    let message = ready_message(&refused);
    for help in ["deletionPolicy Retain or Orphan", "abandon=true"] {
        assert!(message.contains(help), "{help} in {message}");
    }
    assert!(refused.finalizers().iter().any(|held| held == FINALIZER));
    assert!(scene.somebody.exists(&name).await?);

    scene.somebody.remove(&name, "precious").await?;
    annotate(&scene, "reconcile-requested-at", "now").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_finalizer_that_somebody_takes_off_is_put_back() -> Result<()> {
    let scene = Scene::new("unheld").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Delete" })).await?;
    is_put_back(&scene).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_finalizer_is_put_back_where_nothing_else_is_done() -> Result<()> {
    let scene = Scene::new("unheld-idle").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Delete" })).await?;

    annotate(&scene, "paused", "true").await?;
    let is_paused = |bucket: &S3Bucket| lifecycle(bucket).condition("Paused").is_some();
    let buckets = scene.buckets();
    wait::wait_for(&buckets, "data", "it is paused", PATIENCE, is_paused).await?;
    scene.aws.proxy().clear();
    is_put_back(&scene).await?;
    assert_eq!(scene.calls_about(&name), 0);

    annotate(&scene, "deletion-policy", "Keep").await?;
    annotate(&scene, "paused", "false").await?;
    scene
        .refused::<S3Bucket>("data", "InvalidAnnotation")
        .await?;
    is_put_back(&scene).await?;

    annotate(&scene, "deletion-policy", "Delete").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn retain_asks_nothing_outside_and_the_same_object_takes_the_bucket_back() -> Result<()> {
    let scene = Scene::new("retain").await?;
    let operator = scene.operator()?;
    let wish = json!({ "deletionPolicy": "Retain", "tags": { "team": "a" } });
    let name = bucket(&scene, wish.clone()).await?;
    scene.somebody.put(&name, "precious").await?;
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(scene.calls_about(&name), 0);
    assert_eq!(scene.somebody.has(&name).await?, before);
    let said = scene.event::<S3Bucket>("data", "Retained").await?;
    assert!(said.contains(&name), "{said}");

    let again = scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.event::<S3Bucket>("data", "TakenBack").await?;
    let after = scene.somebody.has(&name).await?;
    assert_eq!(after.mark.get("uid"), again.uid().as_ref());
    assert_ne!(after.mark, before.mark);
    assert_eq!(after.tags, before.tags);
    operator.stop().await
}

#[tokio::test]
async fn what_is_kept_does_not_wait_for_a_throttled_provider() -> Result<()> {
    let scene = Scene::new("kept-throttled").await?;
    let operator = scene.operator()?;
    bucket(&scene, json!({ "deletionPolicy": "Retain" })).await?;
    let mut answer = refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "no");
    let hour = http::HeaderValue::from_static("3600");
    answer.headers_mut().insert(http::header::RETRY_AFTER, hour);
    let rule = Rule::when(|call| call.about == "HeadBucket", Action::Answer(answer));
    scene.aws.proxy().rule(rule);
    scene.bucket("other", "account", json!({})).await?;
    scene.refused::<S3Bucket>("other", "Throttled").await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_refused_deletion_changes_nothing_and_says_so() -> Result<()> {
    let scene = Scene::new("unchanged").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    scene.somebody.put(&name, "precious").await?;
    let before = scene.buckets().get("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "BucketNotEmpty").await?;
    let synced = |bucket: &S3Bucket| {
        bucket
            .status
            .as_ref()
            .map(|s| s.lifecycle.last_sync_time.clone())
    };
    assert_eq!(synced(&refused), synced(&before));
    operator.stop().await
}

#[tokio::test]
async fn a_kept_bucket_is_not_taken_by_an_object_of_another_name() -> Result<()> {
    let scene = Scene::new("kept").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Retain" })).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let before = scene.somebody.has(&name).await?;
    let wish = json!({ "bucketName": name });
    scene.bucket("other", "account", wish).await?;
    let refused = scene.refused::<S3Bucket>("other", "OwnedByAnother").await?;
    assert!(ready_message(&refused).contains(&format!("{}/data", scene.namespace.name())));
    scene.delete::<S3Bucket>("other").await?;
    scene.gone::<S3Bucket>("other").await?;
    assert_eq!(scene.somebody.has(&name).await?, before);
    operator.stop().await
}

#[tokio::test]
async fn orphan_takes_the_mark_off_and_leaves_the_rest() -> Result<()> {
    let scene = Scene::new("orphan").await?;
    let operator = scene.operator()?;
    let wish = json!({
        "deletionPolicy": "Orphan", "tags": { "team": "a" }, "versioning": { "enabled": true },
    });
    let name = bucket(&scene, wish).await?;
    let before = scene.somebody.has(&name).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let after = scene.somebody.has(&name).await?;
    assert_eq!(after.mark, pairs([]));
    assert_eq!(after.tags, pairs([("team", "a")]));
    assert_eq!(after.versioning, before.versioning);
    let said = scene.event::<S3Bucket>("data", "Orphaned").await?;
    assert!(said.contains("without an ownership mark"), "{said}");
    operator.stop().await
}

#[tokio::test]
async fn orphan_does_not_wait_for_aws() -> Result<()> {
    let scene = Scene::new("orphan-alone").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Orphan" })).await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let tagging = |call: &harness::proxy::Call| call.about == "PutBucketTagging";
    let rule = Rule::when(tagging, Action::Answer(denied));
    scene.aws.proxy().rule(rule);
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let said = scene.event::<S3Bucket>("data", "Orphaned").await?;
    assert!(said.contains("could not be taken off"), "{said}");
    assert!(said.contains("s3:PutBucketTagging"), "{said}");
    assert!(!scene.somebody.has(&name).await?.mark.is_empty());
    operator.stop().await
}

#[tokio::test]
async fn orphan_does_not_wait_for_a_provider_that_does_not_work() -> Result<()> {
    let scene = Scene::new("orphan-broken").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Orphan" })).await?;
    operator.stop().await?;
    // Whoever starts now finds credentials that AWS does not know, and no session from before.
    credentials_fail(&scene);
    let operator = scene.operator()?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let said = scene.event::<S3Bucket>("data", "Orphaned").await?;
    assert!(said.contains("could not be taken off"), "{said}");
    assert!(scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_deletion_that_cannot_be_done_is_given_up_on_request() -> Result<()> {
    let scene = Scene::new("abandon").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    operator.stop().await?;
    credentials_fail(&scene);
    let operator = scene.operator()?;
    scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    scene.delete::<S3Bucket>("data").await?;
    let waiting = scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    let message = ready_message(&waiting);
    let way_out = "aws-infra-operator.runner.codes/abandon=true";
    assert!(message.contains(way_out), "{message}");
    annotate(&scene, "abandon", "true").await?;
    scene.gone::<S3Bucket>("data").await?;
    let said = scene.event::<S3Bucket>("data", "Abandoned").await?;
    assert!(said.contains(&name), "{said}");
    assert!(scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_provider_that_is_gone_is_said_and_need_not_come_back() -> Result<()> {
    let scene = Scene::new("no-provider").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    operator.stop().await?;
    // Somebody takes the provider away by force.
    let forced = json!({ "metadata": { "finalizers": null } });
    scene.patch::<AWSProvider>("account", forced).await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;

    let operator = scene.operator()?;
    scene.delete::<S3Bucket>("data").await?;
    let waiting = scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    assert!(ready_message(&waiting).contains("abandon=true"));
    annotate(&scene, "deletion-policy", "Retain").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_provider_that_comes_back_ends_a_deletion() -> Result<()> {
    let scene = Scene::new("provider-back").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    operator.stop().await?;
    let forced = json!({ "metadata": { "finalizers": null } });
    scene.patch::<AWSProvider>("account", forced).await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;
    let operator = scene.operator()?;
    scene.delete::<S3Bucket>("data").await?;
    scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    scene.provider("account").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn the_annotation_overrides_the_spec() -> Result<()> {
    let scene = Scene::new("annotation").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({ "deletionPolicy": "Delete" })).await?;
    annotate(&scene, "deletion-policy", "Keep").await?;
    let refused = scene
        .refused::<S3Bucket>("data", "InvalidAnnotation")
        .await?;
    let message = ready_message(&refused);
    for part in ["\"Keep\"", "Delete, Retain and Orphan"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    // What cannot be understood deletes nothing.
    scene.delete::<S3Bucket>("data").await?;
    annotate(&scene, "reconcile-requested-at", "now").await?;
    wait::wait_for(
        &scene.buckets(),
        "data",
        "a pass while it is being deleted",
        PATIENCE,
        |bucket: &S3Bucket| {
            let status = bucket.status.as_ref();
            status.is_some_and(|s| s.lifecycle.last_handled_reconcile_at.is_some())
        },
    )
    .await?;
    assert!(scene.somebody.exists(&name).await?);
    annotate(&scene, "deletion-policy", "Retain").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn the_policy_in_force_is_shown() -> Result<()> {
    let scene = Scene::new("policy").await?;
    let operator = scene.operator()?;
    bucket(&scene, json!({ "deletionPolicy": "Orphan" })).await?;
    assert_eq!(policy(&scene.request_pass("data").await?), "Orphan");
    annotate(&scene, "deletion-policy", "Retain").await?;
    assert_eq!(policy(&scene.request_pass("data").await?), "Retain");
    operator.stop().await
}

#[tokio::test]
async fn an_earlier_operators_finalizer_is_taken_off() -> Result<()> {
    let scene = Scene::new("earlier").await?;
    let object = json!({
        "kind": "S3Bucket",
        "metadata": { "name": "data", "finalizers": [EARLIER_FINALIZER, "example.com/keep"] },
        "spec": { "providerRef": { "name": "account" }, "bucketName": scene.bucket_name("data") },
    });
    scene.create::<S3Bucket>(object).await?;
    scene.provider("account").await?;
    let operator = scene.operator()?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    let left = wait::wait_for(
        &scene.buckets(),
        "data",
        "only somebody else's finalizer is left",
        PATIENCE,
        |bucket: &S3Bucket| bucket.finalizers() == ["example.com/keep"],
    )
    .await?;
    assert!(left.metadata.deletion_timestamp.is_some());
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    // Nothing of it is touched while it waits for somebody else.
    scene.aws.proxy().clear();
    annotate(&scene, "reconcile-requested-at", "now").await?;
    let patch = json!({ "metadata": { "finalizers": null } });
    scene.patch::<S3Bucket>("data", patch).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(scene.calls_about(&scene.bucket_name("data")), 0);
    operator.stop().await
}

#[tokio::test]
async fn an_object_that_never_came_to_aws_goes_at_once() -> Result<()> {
    let scene = Scene::new("nothing").await?;
    let operator = scene.operator()?;
    scene.bucket("data", "account", json!({})).await?;
    scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    // Nor does one that an earlier operator held.
    let object = json!({
        "kind": "S3Bucket",
        "metadata": { "name": "held", "finalizers": [EARLIER_FINALIZER] },
        "spec": { "providerRef": { "name": "account" }, "bucketName": scene.bucket_name("held") },
    });
    scene.create::<S3Bucket>(object).await?;
    scene.delete::<S3Bucket>("held").await?;
    scene.gone::<S3Bucket>("held").await?;
    assert_eq!(scene.aws.proxy().requests().len(), 0);
    operator.stop().await
}

#[tokio::test]
async fn an_object_whose_spec_cannot_work_any_more_can_be_deleted() -> Result<()> {
    let scene = Scene::new("invalid").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    // Admission sees one object, so only a pass can see that the sum is too much.
    let tags = |prefix: &str| -> Value {
        let tag = |n: usize| (format!("{prefix}{n}"), Value::from("x"));
        (0..40).map(tag).collect::<serde_json::Map<_, _>>().into()
    };
    let patch = json!({ "spec": { "defaultTags": tags("default") } });
    scene.patch::<AWSProvider>("account", patch).await?;
    let patch = json!({ "spec": { "tags": tags("own") } });
    scene.patch::<S3Bucket>("data", patch).await?;
    let refused = scene.refused::<S3Bucket>("data", "InvalidSpec").await?;
    let message = ready_message(&refused);
    assert!(message.contains("spec.tags: 80 tags"), "{message}");
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_that_is_gone_already_holds_nothing_up() -> Result<()> {
    let scene = Scene::new("gone-already").await?;
    let operator = scene.operator()?;
    let name = bucket(&scene, json!({})).await?;
    scene.somebody.delete(&name).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

/// The object `data` of the provider `account`, ready; returns the bucket's name.
async fn bucket(scene: &Scene, spec: Value) -> Result<String> {
    scene.provider("account").await?;
    // Else its coming to work may start one more pass over a bucket that is ready already.
    scene.ready::<AWSProvider>("account").await?;
    scene.bucket("data", "account", spec).await?;
    scene.ready::<S3Bucket>("data").await?;
    Ok(scene.bucket_name("data"))
}

/// From now on AWS does not know the operator's credentials any more.
fn credentials_fail(scene: &Scene) {
    let unknown = refusal::query(StatusCode::FORBIDDEN, "InvalidClientTokenId", "no");
    let rule = Rule::when(
        |call| call.about == "GetCallerIdentity",
        Action::Answer(unknown),
    );
    scene.aws.proxy().rule(rule);
    let unknown = refusal::s3(StatusCode::FORBIDDEN, "InvalidAccessKeyId", "no");
    let rule = Rule::when(|_| true, Action::Answer(unknown));
    scene.aws.proxy().rule(rule);
}

/// Takes the finalizer off, as a manifest that replaces the object does, and waits until it is there again.
async fn is_put_back(scene: &Scene) -> Result<()> {
    let none = json!({ "metadata": { "finalizers": null } });
    scene.patch::<S3Bucket>("data", none).await?;
    let is_held = |bucket: &S3Bucket| bucket.finalizers().iter().any(|held| held == FINALIZER);
    wait::wait_for(&scene.buckets(), "data", "it is held", PATIENCE, is_held).await?;
    Ok(())
}

async fn annotate(scene: &Scene, name: &str, value: &str) -> Result<()> {
    let key = format!("aws-infra-operator.runner.codes/{name}");
    let patch = json!({ "metadata": { "annotations": { key: value } } });
    scene.patch::<S3Bucket>("data", patch).await?;
    Ok(())
}

fn policy(bucket: &S3Bucket) -> String {
    let status = bucket.status.clone().unwrap_or_default();
    let policy = status.lifecycle.deletion_policy;
    policy.map(|policy| policy.to_string()).unwrap_or_default()
}
