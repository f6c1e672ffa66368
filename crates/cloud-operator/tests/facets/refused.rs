//! What AWS refuses on account of what a bucket has, or what is not there: it is told on the facet, with the way out.

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{FacetState, S3Bucket};
use harness::{
    Moto,
    aws::refusal,
    proxy::{Action, Call, Rule},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    facet,
    scene::{Scene, outside::REGION, ready_message},
};

/// A bucket with this wish, which is refused for `reason`: `name` is told with AWS's code and a word of help.
async fn refused(scene: &Scene, wish: Value, told: [&str; 4]) -> Result<S3Bucket> {
    let [name, reason, code, help] = told;
    scene.provider("account").await?;
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", reason).await?;
    let found = facet(&bucket, name).context("no such facet")?;
    ensure!(found.state == FacetState::Failed, "{found:?}");
    ensure!(found.code.as_deref() == Some(code), "{found:?}");
    let message = ready_message(&bucket);
    ensure!(message.contains(help), "{help} in {message}");
    Ok(bucket)
}

async fn edit(scene: &Scene, spec: Value) -> Result<()> {
    scene
        .patch::<S3Bucket>("data", json!({ "spec": spec }))
        .await?;
    scene.ready::<S3Bucket>("data").await?;
    Ok(())
}

#[tokio::test]
async fn a_public_policy_needs_a_block_that_lets_it_be() -> Result<()> {
    let scene = Scene::new("public").await?;
    let operator = scene.operator()?;
    let resource = format!("arn:aws:s3:::{}/*", scene.bucket_name("data"));
    let policy = json!({ "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource,
    } });
    let wish = json!({ "policy": policy.to_string(), "tags": { "team": "a" } });
    let told = [
        "policy",
        "AccessDenied",
        "AccessDenied",
        "BlockPublicPolicy",
    ];
    let bucket = refused(&scene, wish, told).await?;
    let tags = facet(&bucket, "tags").map(|tags| tags.state);
    ensure!(tags == Some(FacetState::InSync));
    edit(
        &scene,
        json!({ "publicAccessBlock": { "blockPublicAcls": true } }),
    )
    .await?;
    operator.stop().await
}

#[tokio::test]
async fn what_opens_a_bucket_is_not_written_while_its_guard_is_refused() -> Result<()> {
    let scene = Scene::new("guarded").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let proxy = scene.aws.proxy();
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    let guard = |call: &Call| call.about == "PutPublicAccessBlock";
    let rule = proxy.rule(Rule::when(guard, Action::Answer(denied)));
    let opened = || {
        let counts = proxy.counts();
        let opening = counts
            .iter()
            .filter(|(_, about, _)| *about == "PutBucketPolicy");
        opening.count()
    };
    let resource = format!("arn:aws:s3:::{}/*", scene.bucket_name("data"));
    let policy = json!({ "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource,
    } });
    let wish = json!({
        "publicAccessBlock": { "restrictPublicBuckets": true }, "policy": policy.to_string(),
        "versioning": { "enabled": true },
    });
    scene
        .patch::<S3Bucket>("data", json!({ "spec": wish }))
        .await?;
    let bucket = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let state = |name| facet(&bucket, name).map(|facet| facet.state);
    ensure!(state("publicAccessBlock") == Some(FacetState::Failed));
    ensure!(state("policy") == Some(FacetState::Drifted), "{bucket:?}");
    ensure!(
        state("versioning") == Some(FacetState::InSync),
        "{bucket:?}"
    );
    ensure!(opened() == 0, "the bucket is as it was");
    rule.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    ensure!(opened() > 0);

    // What closes it waits for no guard.
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    let guard = |call: &Call| call.about == "GetPublicAccessBlock";
    let rule = proxy.rule(Rule::when(guard, Action::Answer(denied)));
    proxy.clear();
    scene
        .patch::<S3Bucket>("data", json!({ "spec": { "policy": null } }))
        .await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let counts = proxy.counts();
    let closed = counts
        .iter()
        .any(|(_, about, _)| about == "DeleteBucketPolicy");
    ensure!(closed, "{counts:?}");
    rule.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_waited_for() -> Result<()> {
    let scene = Scene::new("no-queue").await?;
    let operator = scene.operator()?;
    let queue = scene.namespace.name();
    let wish = json!({ "notification": { "queues": [{
        "id": "all", "arn": format!("arn:aws:sqs:{REGION}:123456789012:{queue}"),
        "events": ["s3:ObjectCreated:*"],
    }] } });
    let told = [
        "notification",
        "TargetNotUsable",
        "InvalidArgument",
        "let the target exist",
    ];
    refused(&scene, wish, told).await?;
    Moto::shared().await?.queue(queue, REGION).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_logs_bucket_that_is_not_there_is_waited_for() -> Result<()> {
    let scene = Scene::new("no-logs").await?;
    let operator = scene.operator()?;
    let logs = format!("logs.{}", scene.namespace.name());
    let code = "InvalidTargetBucketForLogging";
    let wish = json!({ "logging": { "targetBucket": logs } });
    refused(
        &scene,
        wish,
        ["logging", "TargetNotUsable", code, "let the target exist"],
    )
    .await?;
    ensure!(scene.logs().await? == logs);
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn object_lock_outlives_the_object_that_asked_for_it() -> Result<()> {
    let scene = Scene::new("one-way").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({
        "versioning": { "enabled": true }, "objectLock": { "enabled": true }, "deletionPolicy": "Retain",
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let removal = json!({ "spec": { "objectLock": null } });
    let refusal = scene.patch::<S3Bucket>("data", removal).await;
    let refusal = format!("{:#}", refusal.err().context("admitted")?);
    ensure!(
        refusal.contains("AWS never turns object lock off"),
        "{refusal}"
    );
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;

    // Another object takes the bucket back and knows nothing of it.
    let wish = json!({ "versioning": { "enabled": false } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "OneWay").await?;
    let versioning = facet(&bucket, "versioning").context("no such facet")?;
    ensure!(versioning.code.as_deref() == Some("InvalidBucketState"));
    ensure!(ready_message(&bucket).contains("AWS never turns object lock off"));
    edit(&scene, json!({ "versioning": { "enabled": true } })).await?;
    operator.stop().await
}

#[tokio::test]
async fn tags_are_not_replaced_while_they_decide_on_access() -> Result<()> {
    let scene = Scene::new("abac").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "abac": { "enabled": true }, "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let retagged = json!({ "spec": { "tags": { "team": "b" } } });
    scene.patch::<S3Bucket>("data", retagged).await?;
    let bucket = scene
        .refused::<S3Bucket>("data", "NotSupportedByEndpoint")
        .await?;
    let tags = facet(&bucket, "tags").context("no such facet")?;
    ensure!(tags.state == FacetState::Failed, "{tags:?}");

    // In one edit, in this order.
    edit(&scene, json!({ "abac": null, "tags": { "team": "c" } })).await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    ensure!(
        has.tags.get("team").map(String::as_str) == Some("c"),
        "{has:?}"
    );
    operator.stop().await
}

#[tokio::test]
async fn what_rests_on_another_facet_goes_before_it() -> Result<()> {
    let scene = Scene::new("order").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let mut wish = scene.every_facet("data").await?;
    let all = wish.as_object_mut().context("an object")?;
    all.remove("objectLock");
    scene.bucket("data", "account", wish.clone()).await?;
    scene.ready::<S3Bucket>("data").await?;
    // In one edit: ACLs off while there is one, versioning off while objects are copied.
    edit(
        &scene,
        json!({
            "ownershipControls": { "objectOwnership": "BucketOwnerEnforced" }, "acl": "private",
            "versioning": { "enabled": false }, "replication": null,
        }),
    )
    .await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    ensure!(
        has.ownership == "BucketOwnerEnforced" && has.versioning.as_deref() == Some("Suspended")
    );
    // And all of it at once.
    let fields = wish.as_object().into_iter().flatten();
    let nothing: serde_json::Map<_, _> = fields
        .map(|(name, _)| (name.clone(), Value::Null))
        .collect();
    edit(&scene, nothing.into()).await?;
    let bucket = scene.buckets().get("data").await?;
    let status = bucket.status.context("a status")?;
    let facets: Vec<_> = status
        .facets
        .iter()
        .map(|facet| facet.name.as_str())
        .collect();
    ensure!(facets == ["tags"], "{facets:?}");
    operator.stop().await
}
