//! What is somebody else's: it is never written to, and the object that names it says whose it is and what to do.

mod scene;

use std::collections::BTreeMap;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    AwsProxy, Moto,
    aws::{StandIn, refusal},
    proxy::{Action, Rule, Verb},
    wait,
};
use http::StatusCode;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use scene::{
    PATIENCE, Scene, lifecycle,
    outside::{ACCOUNT, Has, OTHER_ACCOUNT, Somebody, pairs},
    ready_message, ready_reason,
};
use serde_json::{Value, json};

#[tokio::test]
async fn the_second_object_for_a_bucket_is_told_of_the_first() -> Result<()> {
    let scene = Scene::new("second").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "tags": { "owner": "first" }, "versioning": { "enabled": true } });
    scene.bucket("first", "account", wish).await?;
    scene.ready::<S3Bucket>("first").await?;
    let name = scene.bucket_name("first");
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    let wish = json!({ "bucketName": name, "tags": { "owner": "second" } });
    scene.bucket("second", "account", wish).await?;
    let refused = scene
        .refused::<S3Bucket>("second", "OwnedByAnother")
        .await?;
    let message = ready_message(&refused);
    let owner = format!("{}/first", scene.namespace.name());
    for part in [owner.as_str(), "Orphan", "name another resource"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(lifecycle(&refused).condition("Stalled").is_some());
    // Not even the annotation that takes over what nobody owns.
    annotate(&scene, "second", "adopt").await?;
    scene.request_pass::<S3Bucket>("second").await?;
    scene
        .refused::<S3Bucket>("second", "OwnedByAnother")
        .await?;
    untouched(&scene, &name, &before).await?;

    // Nor does its end touch what it never had.
    scene.delete::<S3Bucket>("second").await?;
    scene.gone::<S3Bucket>("second").await?;
    untouched(&scene, &name, &before).await?;
    scene.request_pass::<S3Bucket>("first").await?;
    scene.ready::<S3Bucket>("first").await?;
    operator.stop().await
}

#[tokio::test]
async fn two_objects_created_at_once_have_one_bucket_and_one_owner() -> Result<()> {
    let scene = Scene::new("race").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let name = scene.bucket_name("shared");
    let wish = || json!({ "bucketName": name });
    tokio::try_join!(
        scene.bucket("a", "account", wish()),
        scene.bucket("b", "account", wish()),
    )?;
    let owner = tokio::select! {
        ready = scene.ready::<S3Bucket>("a") => ready?,
        ready = scene.ready::<S3Bucket>("b") => ready?,
    };
    let loser = if owner.name_any() == "a" { "b" } else { "a" };
    scene.refused::<S3Bucket>(loser, "OwnedByAnother").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.mark.get("name"), Some(&owner.name_any()));
    scene.delete::<S3Bucket>(loser).await?;
    scene.gone::<S3Bucket>(loser).await?;
    assert_eq!(scene.somebody.has(&name).await?, has);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_of_another_installation_is_left_alone() -> Result<()> {
    let scene = Scene::new("installation").await?;
    let theirs = scene.operator_with(&["--installation-id=theirs"])?;
    scene.provider("account").await?;
    let wish = json!({ "deletionPolicy": "Retain", "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    theirs.stop().await?;
    let name = scene.bucket_name("data");
    let before = scene.somebody.has(&name).await?;
    assert_eq!(before.mark.get("installation").unwrap(), "theirs");

    scene.aws.proxy().clear();
    let operator = scene.operator_with(&["--installation-id=ours"])?;
    scene.request_pass::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "OwnedByAnother").await?;
    let message = ready_message(&refused);
    assert!(message.contains("installation theirs"), "{message}");
    let patch = json!({ "spec": { "deletionPolicy": "Delete" } });
    scene.patch::<S3Bucket>("data", patch).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    untouched(&scene, &name, &before).await?;
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_without_a_mark_is_taken_over_only_on_request() -> Result<()> {
    let scene = Scene::new("unmarked").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let tags = pairs([("created-by", "hand"), ("team", "old")]);
    scene.somebody.set_tags(&name, &tags).await?;
    let before = scene.somebody.has(&name).await?;

    let wish = json!({ "tags": { "team": "new" }, "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    let refused = scene.refused::<S3Bucket>("data", "NotManaged").await?;
    let message = ready_message(&refused);
    let hint = "aws-infra-operator.runner.codes/adopt=true";
    assert!(message.contains(hint), "{message}");
    untouched(&scene, &name, &before).await?;

    annotate(&scene, "data", "adopt").await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let steps = ["PutBucketTagging", "PutBucketVersioning"];
    assert_eq!(writes_about(&scene, &name), steps, "the mark comes first");
    scene.event::<S3Bucket>("data", "Adopted").await?;
    let after = scene.somebody.has(&name).await?;
    assert_eq!(after.mark.get("uid"), bucket.uid().as_ref());
    assert_eq!(after.versioning.as_deref(), Some("Enabled"));
    // The bucket has the spec's tags and no others, as the field says.
    assert_eq!(after.tags, pairs([("team", "new")]));
    // What the spec does not speak of stays as it was.
    assert_eq!(after.public_access_block, before.public_access_block);
    assert_eq!(after.encryption, before.encryption);
    assert_eq!(after.ownership, before.ownership);
    operator.stop().await
}

/// What a stack of CloudFormation has made carries tags that AWS lets nobody take off.
#[tokio::test]
async fn a_bucket_that_aws_itself_has_tagged_is_taken_over_kept_and_let_go() -> Result<()> {
    let scene = Scene::new("stack").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    let stack = ("aws:cloudformation:stack-name", "web");
    scene.somebody.create(&name).await?;
    scene.somebody.tag_as_aws(&name, stack.0, stack.1).await?;
    let has_tags = async |team: &str| -> Result<()> {
        let has = scene.somebody.has(&name).await?;
        assert_eq!(has.tags, pairs([stack, ("team", team)]));
        Ok(())
    };

    let wish = json!({ "tags": { "team": "a" }, "deletionPolicy": "Orphan" });
    scene.bucket("data", "account", wish).await?;
    annotate(&scene, "data", "adopt").await?;
    scene.ready::<S3Bucket>("data").await?;
    has_tags("a").await?;

    let edit = json!({ "spec": { "tags": { "team": "b" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    scene.ready::<S3Bucket>("data").await?;
    has_tags("b").await?;

    // Drift is set back, and AWS's tag is none.
    let mut tags = scene.somebody.tags(&name).await?;
    tags.insert("team".into(), "c".into());
    scene.somebody.set_tags(&name, &tags).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    has_tags("b").await?;
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    assert_eq!(writes_about(&scene, &name), Vec::<String>::new());

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(scene.somebody.has(&name).await?.mark.is_empty());
    has_tags("b").await?;
    operator.stop().await
}

#[tokio::test]
async fn an_object_that_was_refused_a_bucket_does_not_take_it_down() -> Result<()> {
    let scene = Scene::new("refused").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let before = scene.somebody.has(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    untouched(&scene, &name, &before).await?;
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_whose_adoption_was_refused_is_not_deleted_with_the_object() -> Result<()> {
    let scene = Scene::new("half-adopted").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let tagging = Rule::when(
        |call| call.about == "PutBucketTagging",
        Action::Answer(denied),
    );
    scene.aws.proxy().rule(tagging);
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;
    annotate(&scene, "data", "adopt").await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(scene.somebody.exists(&name).await?);
    operator.stop().await
}

/// What S3 answers may be older than what it was told.
#[tokio::test]
async fn an_adoption_that_is_not_shown_yet_is_one_all_the_same() -> Result<()> {
    let scene = Scene::new("not-shown").await?;
    // No later look mends it.
    let seldom = ["--reconcile-interval=1h", "--drift-interval=1h"];
    let operator = scene.operator_with(&seldom)?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;

    let none = refusal::s3(StatusCode::NOT_FOUND, "NoSuchTagSet", "none");
    let tagging = Rule::when(
        |call| call.about == "GetBucketTagging",
        Action::Answer(none),
    );
    // The first look of the pass is true, the second one is not.
    let stale = scene.aws.proxy().rule(tagging.skip(1).once());
    annotate(&scene, "data", "adopt").await?;
    let buckets = scene.buckets();
    let told = |bucket: &S3Bucket| ready_reason(bucket) != "NotManaged";
    let bucket = wait::wait_for(&buckets, "data", "the adoption", PATIENCE, told).await?;
    let reason = ready_reason(&bucket);
    assert!(
        ["NotConverged", "BucketReady"].contains(&&*reason),
        "{reason}"
    );
    scene.ready::<S3Bucket>("data").await?;
    assert_eq!(stale.hits(), 1);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_of_another_account_is_not_within_reach() -> Result<()> {
    let scene = Scene::new("foreign").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    let stranger = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
    stranger.create(&name).await?;
    let before = stranger.has(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    let refused = scene.refused::<S3Bucket>("data", "NotAccessible").await?;
    let message = ready_message(&refused);
    assert!(message.contains("another AWS account owns it"), "{message}");
    annotate(&scene, "data", "adopt").await?;
    scene.request_pass::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "NotAccessible").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(writes_about(&scene, &name), Vec::<String>::new());
    assert_eq!(stranger.has(&name).await?, before);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_of_another_region_is_named_with_it() -> Result<()> {
    let scene = Scene::new("elsewhere").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    let elsewhere = Somebody::in_region(Moto::shared().await?, "ap-southeast-2").await?;
    elsewhere.create(&name).await?;
    let before = elsewhere.has(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    let refused = scene.refused::<S3Bucket>("data", "WrongRegion").await?;
    let message = ready_message(&refused);
    assert!(message.contains("ap-southeast-2"), "{message}");
    assert!(lifecycle(&refused).condition("Stalled").is_some());
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(writes_about(&scene, &name), Vec::<String>::new());
    assert_eq!(elsewhere.has(&name).await?, before);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_does_not_follow_its_provider_to_another_account() -> Result<()> {
    let scene = Scene::new("account").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene
        .bucket("data", "account", json!({ "tags": { "team": "a" } }))
        .await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    let role = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/operator");
    let other = json!({ "spec": { "assumeRoleARN": role } });
    scene.patch::<AWSProvider>("account", other).await?;
    scene
        .refused::<AWSProvider>("account", "AccountChanged")
        .await?;
    let edit = json!({ "spec": { "tags": { "team": "b" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    let refused = scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    let message = ready_message(&refused);
    assert!(
        message.contains(ACCOUNT) && message.contains(OTHER_ACCOUNT),
        "{message}"
    );
    untouched(&scene, &name, &before).await?;

    // Nor is it deleted, with the credentials of before or in the wrong account, or thought gone there, by an operator
    // that knows of no earlier session.
    scene.delete::<S3Bucket>("data").await?;
    scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    untouched(&scene, &name, &before).await?;
    operator.stop().await?;
    let operator = scene.operator()?;
    scene
        .refused::<AWSProvider>("account", "AccountChanged")
        .await?;
    untouched(&scene, &name, &before).await?;
    provider(&scene, json!({ "assumeRoleARN": null })).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_does_not_follow_its_provider_to_another_region() -> Result<()> {
    let scene = Scene::new("moved").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let before = scene.somebody.has(&name).await?;
    scene.aws.proxy().clear();
    provider(&scene, json!({ "region": "us-west-2" })).await?;
    let refused = scene.refused::<S3Bucket>("data", "IdentityChanged").await?;
    let message = ready_message(&refused);
    assert!(
        message.contains("eu-central-1") && message.contains("us-west-2"),
        "{message}"
    );
    untouched(&scene, &name, &before).await?;
    // Its record is enough to take it down where it is.
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

/// Two stores may call account and bucket alike.
#[tokio::test]
async fn a_bucket_does_not_follow_its_provider_to_another_store() -> Result<()> {
    let scene = Scene::new("store").await?;
    let other = AwsProxy::before(&StandIn::default()).await?;
    let (here, there) = (scene.aws.url(), other.url());
    let allowed = format!("--allowed-endpoints={here},{there}");
    let operator = scene.operator_with(&[&allowed])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let record = bucket.status.and_then(|status| status.record);
    assert_eq!(record.and_then(|record| record.store), Some(here.clone()));
    let name = scene.bucket_name("data");
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    provider(&scene, json!({ "endpoint": there })).await?;
    let refused = scene.refused::<S3Bucket>("data", "EndpointChanged").await?;
    let message = ready_message(&refused);
    assert!(
        message.contains(&here) && message.contains(&there),
        "{message}"
    );
    // Nor is it thought gone there, by an operator that knows of no earlier session.
    operator.stop().await?;
    let operator = scene.operator_with(&[&allowed])?;
    scene.delete::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "EndpointChanged").await?;
    assert!(ready_message(&refused).contains("abandon=true"));
    let asked = other.proxy().counts();
    let asked: Vec<_> = asked.iter().map(|(_, about, _)| about).collect();
    assert_eq!(asked, ["GetCallerIdentity"]);
    untouched(&scene, &name, &before).await?;

    // Written otherwise, it is the same store.
    provider(&scene, json!({ "endpoint": format!("{here}/") })).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_store_that_was_not_written_down_is_the_one_that_is_used() -> Result<()> {
    let scene = Scene::new("earlier").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await?;
    // As earlier versions did.
    let earlier = Patch::Merge(json!({ "status": { "record": { "store": null } } }));
    let buckets = scene.buckets();
    buckets
        .patch_status("data", &PatchParams::default(), &earlier)
        .await?;
    let operator = scene.operator()?;
    let written = |bucket: &S3Bucket| {
        let record = bucket.status.as_ref().and_then(|it| it.record.as_ref());
        record.is_some_and(|record| record.store == Some(scene.aws.url()))
    };
    wait::wait_for(&buckets, "data", "the store is written", PATIENCE, written).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_whose_mark_is_lost_is_nobodys() -> Result<()> {
    let scene = Scene::new("unmark").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene
        .bucket("data", "account", json!({ "tags": { "team": "a" } }))
        .await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    scene.somebody.set_tags(&name, &BTreeMap::new()).await?;
    let before = scene.somebody.has(&name).await?;

    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;
    scene.delete::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "MarkLost").await?;
    let message = ready_message(&refused);
    for way_out in ["adopt=true", "abandon=true"] {
        assert!(message.contains(way_out), "{way_out} in {message}");
    }
    untouched(&scene, &name, &before).await?;
    annotate(&scene, "data", "adopt").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_mark_that_lost_a_part_is_somebodys() -> Result<()> {
    let scene = Scene::new("broken-mark").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let part = pairs([("aws-infra-operator.runner.codes/name", "data")]);
    scene.somebody.set_tags(&name, &part).await?;
    let before = scene.somebody.has(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    annotate(&scene, "data", "adopt").await?;
    let refused = scene.refused::<S3Bucket>("data", "NotAccessible").await?;
    let message = ready_message(&refused);
    assert!(
        message.contains("tags of an ownership mark are missing"),
        "{message}"
    );
    untouched(&scene, &name, &before).await?;
    operator.stop().await
}

/// Asserts that the operator has written nothing to the bucket since its records were last cleared, and that
/// it is as it was.
async fn untouched(scene: &Scene, name: &str, before: &Has) -> Result<()> {
    assert_eq!(writes_about(scene, name), Vec::<String>::new());
    assert_eq!(scene.somebody.has(name).await?, *before);
    Ok(())
}

fn writes_about(scene: &Scene, name: &str) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    requests
        .iter()
        .filter(|it| it.call.verb == Verb::Write && it.call.path.trim_matches('/') == name)
        .map(|it| it.call.about.clone())
        .collect()
}

async fn annotate(scene: &Scene, bucket: &str, name: &str) -> Result<()> {
    let key = format!("aws-infra-operator.runner.codes/{name}");
    let patch = json!({ "metadata": { "annotations": { key: "true" } } });
    scene.patch::<S3Bucket>(bucket, patch).await?;
    Ok(())
}

/// Changes the provider and waits until it works so.
async fn provider(scene: &Scene, spec: Value) -> Result<()> {
    let patch = json!({ "spec": spec });
    scene.patch::<AWSProvider>("account", patch).await?;
    scene.ready::<AWSProvider>("account").await?;
    Ok(())
}
