//! What `reconcile-requested-at` is answered for: a look that was made, and nothing less.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::{
    aws::refusal,
    proxy::{Action, Call, Rule},
    wait,
};
use http::StatusCode;
use scene::{PATIENCE, Scene, lifecycle};
use serde_json::json;

#[tokio::test]
async fn a_look_that_failed_or_was_not_made_is_no_answer() -> Result<()> {
    let scene = Scene::new("asked").await?;
    let operator = scene.operator()?;
    scene
        .bucket("data", "account", json!({ "tags": { "team": "a" } }))
        .await?;

    // Nobody can look yet ...
    ask(&scene, "early").await?;
    let waiting = scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    assert_eq!(lifecycle(&waiting).last_handled_reconcile_at, None);
    scene.provider("account").await?;
    answered(&scene, "early").await?;

    // ... or is to look ...
    let paused =
        json!({ annotation("paused"): "true", annotation("reconcile-requested-at"): "paused" });
    annotate(&scene, paused).await?;
    let what = "it says that it is paused";
    let says_so = |bucket: &S3Bucket| lifecycle(bucket).condition("Paused").is_some();
    let bucket = wait::wait_for(&scene.buckets(), "data", what, PATIENCE, says_so).await?;
    assert_eq!(last_answer(&bucket), "early");
    annotate(&scene, json!({ annotation("paused"): null })).await?;
    answered(&scene, "paused").await?;

    // ... or sees anything.
    let name = scene.bucket_name("data");
    let down = refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "no");
    let about = move |call: &Call| call.path.trim_matches('/') == name;
    let failing = scene
        .aws
        .proxy()
        .rule(Rule::when(about, Action::Answer(down)));
    ask(&scene, "in vain").await?;
    // A pass has one call that fails so: the second is of the pass after it.
    let twice = async || failing.hits() >= 2;
    wait::until("two looks that fail", PATIENCE, twice).await?;
    let bucket = scene.buckets().get("data").await?;
    assert_eq!(last_answer(&bucket), "paused");
    assert!(
        lifecycle(&bucket).ready,
        "a look that fails is not a wish that fails"
    );
    failing.remove();
    answered(&scene, "in vain").await?;
    operator.stop().await
}

fn annotation(name: &str) -> String {
    format!("aws-infra-operator.runner.codes/{name}")
}

async fn annotate(scene: &Scene, annotations: serde_json::Value) -> Result<()> {
    let patch = json!({ "metadata": { "annotations": annotations } });
    scene.patch::<S3Bucket>("data", patch).await.map(drop)
}

async fn ask(scene: &Scene, value: &str) -> Result<()> {
    annotate(
        scene,
        json!({ annotation("reconcile-requested-at"): value }),
    )
    .await
}

async fn answered(scene: &Scene, value: &str) -> Result<()> {
    let what = format!("{value:?} is answered");
    let holds = |bucket: &S3Bucket| last_answer(bucket) == value && lifecycle(bucket).ready;
    wait::wait_for(&scene.buckets(), "data", &what, PATIENCE, holds).await?;
    Ok(())
}

fn last_answer(bucket: &S3Bucket) -> String {
    let answer = lifecycle(bucket).last_handled_reconcile_at;
    answer.unwrap_or_default()
}
