//! What changes outside by itself: set back, told, or left alone, as the user says.

mod scene;

use anyhow::Result;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ErrorDocument, IndexDocument, VersioningConfiguration,
    WebsiteConfiguration,
};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    aws::refusal,
    proxy::{Action, Rule, Verb},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use scene::{PATIENCE, Scene, lifecycle, outside::pairs, ready_message, state::State};
use serde_json::json;

const MARK: &str = "aws-infra-operator.runner.codes/";

#[tokio::test]
async fn drift_is_told_and_left_while_edits_come_into_force() -> Result<()> {
    let scene = Scene::new("report").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({
        "drift": { "policy": "Report" }, "versioning": { "enabled": true }, "tags": { "team": "a" },
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.aws.proxy().clear();

    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "Drifted").await?;
    let drift = "versioning.enabled: false → true";
    assert_eq!(drifted(&bucket), Some(drift.to_owned()));
    assert!(ready_message(&bucket).contains(drift));
    let status = bucket.status.clone().unwrap();
    let fields = status.upkeep.drift.unwrap().fields;
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].field, "versioning.enabled");
    assert_eq!(scene.event::<S3Bucket>("data", "DriftFound").await?, drift);
    assert_eq!(writes(&scene), [""; 0]);

    // Told once, however often it is seen; also by an operator that has just started.
    scene.request_pass::<S3Bucket>("data").await?;
    operator.stop().await?;
    let operator = scene.operator()?;
    scene.request_pass::<S3Bucket>("data").await?;
    assert_eq!(writes(&scene), [""; 0]);
    assert_eq!(times_told(&scene, "DriftFound").await?, 1);

    // An edit of another part is nothing but that.
    edit(&scene, json!({ "tags": { "team": "b" } })).await?;
    let bucket = scene.refused::<S3Bucket>("data", "Drifted").await?;
    assert_eq!(writes(&scene), ["PutBucketTagging"]);
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "b")]));
    assert_eq!(has.versioning.as_deref(), Some("Suspended"));
    assert_eq!(drifted(&bucket), Some(drift.to_owned()));

    // So is one that AWS refuses at first, and an operator that dies over it.
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketTagging",
        Action::Answer(denied),
    ));
    edit(&scene, json!({ "tags": { "team": "c" } })).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    operator.crash().await;
    rule.remove();
    let operator = scene.operator()?;
    scene.refused::<S3Bucket>("data", "Drifted").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "c")]));
    assert_eq!(has.versioning.as_deref(), Some("Suspended"));

    edit(&scene, json!({ "drift": { "policy": "Correct" } })).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(drifted(&bucket), None);
    assert_eq!(bucket.status.unwrap().upkeep.drift, None);
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    operator.stop().await
}

#[tokio::test]
async fn other_default_tags_of_the_provider_are_an_edit() -> Result<()> {
    let scene = Scene::new("defaults").await?;
    let state = State::reserve()?;
    let operator = scene.operator_with(&[&state.setting()])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let defaults = json!({ "spec": { "defaultTags": { "stage": "live" } } });
    scene.patch::<AWSProvider>("account", defaults).await?;
    let told = scene.event::<S3Bucket>("data", "Updated").await?;
    assert!(told.contains("tags.stage: unset → live"), "{told}");
    // It is told before it is written down, and only what is written down drifts.
    scene.request_pass::<S3Bucket>("data").await?;

    // Beside it, what has drifted is told as that.
    let name = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&name).await?;
    tags.insert("stage".to_owned(), "gone".to_owned());
    scene.somebody.set_tags(&name, &tags).await?;
    edit(&scene, json!({ "versioning": { "enabled": true } })).await?;
    let told = scene.event::<S3Bucket>("data", "DriftCorrected").await?;
    assert_eq!(told, "tags.stage: gone → live");
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(drifted(&bucket), None);
    assert_eq!(times_told(&scene, "DriftCorrected").await?, 1);
    let metrics = state.metrics().await?;
    for (family, facet, times) in [
        ("detected", "tags", 1),
        ("healed", "tags", 1),
        ("detected", "versioning", 0),
    ] {
        let labels = format!("resource_type=\"s3bucket\",facet=\"{facet}\"");
        let sample = format!("infra_operator_drift_{family}_total{{{labels}}} {times}\n");
        assert!(metrics.contains(&sample), "{sample} in {metrics}");
    }
    operator.stop().await
}

#[tokio::test]
async fn one_part_that_is_always_refused_makes_no_edits_of_the_drift_of_others() -> Result<()> {
    let scene = Scene::new("report-part").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let _rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketAccelerateConfiguration",
        Action::Answer(denied),
    ));
    let wish = json!({
        "drift": { "policy": "Report" }, "versioning": { "enabled": true }, "accelerate": { "enabled": true },
    });
    scene.bucket("data", "account", wish).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    // What was written beside it is seen by the next look.
    scene.request_pass::<S3Bucket>("data").await?;
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.versioning.as_deref(), Some("Suspended"), "{bucket:?}");
    let drift = "versioning.enabled: false → true";
    assert_eq!(drifted(&bucket), Some(drift.to_owned()));
    operator.stop().await
}

#[tokio::test]
async fn what_is_only_reported_may_come_right_by_itself_and_is_not_made_again() -> Result<()> {
    let scene = Scene::new("report-gone").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "drift": { "policy": "Report" }, "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "Drifted").await?;
    versioning(&scene, BucketVersioningStatus::Enabled).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(drifted(&bucket), None);

    scene.somebody.delete(&name).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "Drifted").await?;
    assert!(ready_message(&bucket).contains("is gone"));
    assert!(!scene.somebody.exists(&name).await?);
    edit(&scene, json!({ "drift": null })).await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    operator.stop().await
}

#[tokio::test]
async fn drift_that_cannot_be_set_back_is_told_until_it_is() -> Result<()> {
    let scene = Scene::new("correct").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let rule = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketVersioning",
        Action::Answer(denied),
    ));
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let drift = "versioning.enabled: false → true";
    assert_eq!(drifted(&bucket), Some(drift.to_owned()));
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    assert_eq!(drifted(&bucket), Some(drift.to_owned()), "still");
    rule.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(drifted(&bucket), None);
    operator.stop().await
}

/// Written is not set back: what was written counts when it is read.
#[tokio::test]
async fn what_is_read_back_as_it_was_is_not_told_as_set_back() -> Result<()> {
    let scene = Scene::new("not-back").await?;
    let state = State::reserve()?;
    let operator = scene.operator_with(&[&state.setting()])?;
    scene.provider("account").await?;
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let suspended = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                     <Status>Suspended</Status></VersioningConfiguration>";
    let answer = Action::Answer(http::Response::new(suspended.into()));
    let stays = Rule::when(|call| call.about == "GetBucketVersioning", answer);
    let stays = scene.aws.proxy().rule(stays);
    scene.aws.proxy().clear();
    let asked = json!({ "metadata": { "annotations": { format!("{MARK}reconcile-requested-at"): "now" } } });
    scene.patch::<S3Bucket>("data", asked).await?;
    // Before the second, the first was told.
    let written = || {
        let counts = scene.aws.proxy().counts();
        counts.about(Verb::Write, "PutBucketVersioning")
    };
    wait::until("two tries", PATIENCE, || async { written() >= 2 }).await?;
    let metrics = state.metrics().await?;
    for (family, times) in [("detected", 1), ("healed", 0)] {
        let labels = "resource_type=\"s3bucket\",facet=\"versioning\"";
        let sample = format!("infra_operator_drift_{family}_total{{{labels}}} {times}\n");
        assert!(metrics.contains(&sample), "{sample} in {metrics}");
    }
    // A pass that is under way must not write, and then read what is there.
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    let denied = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketVersioning",
        Action::Answer(denied),
    ));
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    stays.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(drifted(&bucket), None);
    assert_eq!(times_told(&scene, "DriftCorrected").await?, 0);
    denied.remove();
    operator.stop().await
}

/// Whoever pauses an object does so to change it by hand.
#[tokio::test]
async fn what_was_changed_while_it_was_paused_is_seen_after_it() -> Result<()> {
    let scene = Scene::new("unpaused").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let pause = |paused: Option<&str>| {
        let annotations = json!({ format!("{MARK}paused"): paused });
        json!({ "metadata": { "annotations": annotations } })
    };
    scene.patch::<S3Bucket>("data", pause(Some("true"))).await?;
    let is_paused = |bucket: &S3Bucket| lifecycle(bucket).condition("Paused").is_some();
    let buckets = scene.buckets();
    wait::wait_for(&buckets, "data", "it is paused", PATIENCE, is_paused).await?;
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.patch::<S3Bucket>("data", pause(None)).await?;
    let told = scene.event::<S3Bucket>("data", "DriftCorrected").await?;
    assert_eq!(told, "versioning.enabled: false → true");
    operator.stop().await
}

#[tokio::test]
async fn what_is_ignored_is_nobodys_business() -> Result<()> {
    let scene = Scene::new("ignore").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({
        "drift": { "ignore": ["tags.cost-center", "versioning"] },
        "tags": { "team": "a" },
        "versioning": { "enabled": true },
        "publicAccessBlock": { "ignorePublicAcls": true },
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.versioning, None, "not even at creation");

    let mut tags = scene.somebody.tags(&name).await?;
    tags.insert("cost-center".into(), "42".into());
    tags.insert("stray".into(), "x".into());
    scene.somebody.set_tags(&name, &tags).await?;
    versioning(&scene, BucketVersioningStatus::Suspended).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "a"), ("cost-center", "42")]));
    assert_eq!(has.versioning.as_deref(), Some("Suspended"));

    // Nor is it by an edit, nor when it leaves the spec.
    edit(
        &scene,
        json!({ "tags": { "team": "b", "cost-center": "1" }, "publicAccessBlock": null }),
    )
    .await?;
    scene.ready::<S3Bucket>("data").await?;
    edit(
        &scene,
        json!({ "drift": { "ignore": ["tags.cost-center", "versioning", "tags.team"] }, "tags": null }),
    )
    .await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "b"), ("cost-center", "42")]));
    assert_eq!(has.versioning.as_deref(), Some("Suspended"));
    assert_eq!(has.public_access_block, [true; 4], "what is not ignored");
    assert!(has.mark.contains_key("uid"));
    let shown: Vec<String> = bucket
        .status
        .unwrap()
        .facets
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(shown, ["tags"]);

    // What is not ignored any more is the user's again.
    edit(&scene, json!({ "drift": null })).await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([]));
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));
    operator.stop().await
}

#[tokio::test]
async fn what_cannot_be_ignored_is_refused_by_name() -> Result<()> {
    let scene = Scene::new("ignored").await?;
    for (path, why) in [
        ("providerRef", "must begin with a part of the bucket"),
        (&format!("tags.{MARK}uid"), "ownership mark"),
    ] {
        let wish = json!({ "drift": { "ignore": [path] } });
        let refused = scene.bucket("data", "account", wish).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains("spec.drift.ignore"), "{path}: {refused}");
        assert!(refused.contains(why), "{path}: {refused}");
    }
    Ok(())
}

/// The field is ignored, what it belongs to is not: whichever side lacks that, passes come to an end.
#[tokio::test]
async fn a_field_that_is_ignored_follows_what_it_belongs_to() -> Result<()> {
    let scene = Scene::new("ignored-field").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({
        "drift": { "ignore": ["website.errorDocument", "notification.queues[theirs].events"] },
        "website": { "indexDocument": "index.html", "errorDocument": "first.html" },
        "notification": { "eventBridge": true },
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let pages = ("index.html".to_owned(), Some("first.html".to_owned()));
    assert_eq!(website(&scene).await?, pages, "made whole");

    set_website(&scene, "other.html", Some("theirs.html")).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let pages = ("index.html".to_owned(), Some("theirs.html".to_owned()));
    assert_eq!(website(&scene).await?, pages, "only the field is theirs");
    edit(
        &scene,
        json!({ "website": { "errorDocument": "second.html" } }),
    )
    .await?;
    scene.ready::<S3Bucket>("data").await?;
    assert_eq!(website(&scene).await?, pages, "not even after an edit");

    // Together they make no website.
    let elsewhere = json!({
        "indexDocument": null, "errorDocument": null,
        "redirectAllRequestsTo": { "hostName": "example.com" },
    });
    edit(
        &scene,
        json!({ "website": elsewhere, "versioning": { "enabled": true } }),
    )
    .await?;
    let bucket = scene.refused::<S3Bucket>("data", "InvalidSpec").await?;
    let message = ready_message(&bucket);
    assert!(message.contains("website.errorDocument"), "{message}");
    assert_eq!(website(&scene).await?, pages, "left as it was");
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(
        has.versioning.as_deref(),
        Some("Enabled"),
        "what is not concerned"
    );
    edit(&scene, json!({ "drift": { "ignore": ["website"] } })).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_told_with_what_there_is() -> Result<()> {
    let scene = Scene::new("nowhere").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({
        "drift": { "ignore": ["versioning.enable"] }, "versioning": { "enabled": true },
    });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "InvalidSpec").await?;
    let message = ready_message(&bucket);
    assert!(
        message.contains("spec.drift.ignore: versioning.enable"),
        "{message}"
    );
    assert!(message.contains(".enabled"), "{message}");
    operator.stop().await
}

/// The message of the condition `Drifted`, if it is there.
fn drifted(bucket: &S3Bucket) -> Option<String> {
    let lifecycle = lifecycle(bucket);
    let condition = lifecycle.condition("Drifted")?;
    assert_eq!(condition.status, "True");
    assert_eq!(condition.observed_generation, bucket.metadata.generation);
    Some(condition.message.to_string())
}

fn writes(scene: &Scene) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    let written = requests.iter().filter(|it| it.call.verb == Verb::Write);
    written.map(|it| it.call.about.clone()).collect()
}

async fn times_told(scene: &Scene, reason: &str) -> Result<i32> {
    let events = scene.api_of::<Event>().list(&ListParams::default()).await?;
    let of_it = events
        .items
        .iter()
        .filter(|it| it.reason.as_deref() == Some(reason));
    Ok(of_it
        .map(|it| {
            it.series
                .as_ref()
                .and_then(|series| series.count)
                .unwrap_or(1)
        })
        .sum())
}

async fn versioning(scene: &Scene, status: BucketVersioningStatus) -> Result<()> {
    let wanted = VersioningConfiguration::builder().status(status).build();
    let put = scene.somebody.s3.put_bucket_versioning();
    let put = put.bucket(scene.bucket_name("data"));
    put.versioning_configuration(wanted).send().await?;
    Ok(())
}

async fn edit(scene: &Scene, spec: serde_json::Value) -> Result<()> {
    let patch = json!({ "spec": spec });
    scene.patch::<S3Bucket>("data", patch).await?;
    Ok(())
}

/// The index document of the bucket and its error document.
async fn website(scene: &Scene) -> Result<(String, Option<String>)> {
    let get = scene.somebody.s3.get_bucket_website();
    let found = get.bucket(scene.bucket_name("data")).send().await?;
    let index = found.index_document.map(|index| index.suffix);
    Ok((
        index.unwrap_or_default(),
        found.error_document.map(|error| error.key),
    ))
}

async fn set_website(scene: &Scene, index: &str, error: Option<&str>) -> Result<()> {
    let error = error.map(|key| ErrorDocument::builder().key(key).build());
    let wanted = WebsiteConfiguration::builder()
        .index_document(IndexDocument::builder().suffix(index).build()?)
        .set_error_document(error.transpose()?)
        .build();
    let put = scene.somebody.s3.put_bucket_website();
    let put = put.bucket(scene.bucket_name("data"));
    put.website_configuration(wanted).send().await?;
    Ok(())
}
