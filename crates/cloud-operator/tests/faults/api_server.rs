//! The API server is edited by others, breaks its watches, throttles, refuses and goes away.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    ControlPlane,
    proxy::{
        Action, Call, Point, Rule, Verb, Verdict,
        kubernetes::{refusal, watch_expired},
    },
    wait,
};
use http::StatusCode;
use kube::api::{Patch, PatchParams};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Running, Scene, UNHURRIED};

const BUCKETS: &str = "s3buckets";
const STATUS: &str = "s3buckets/status";

/// A ready provider, and the operator that looks after it.
async fn begin(prefix: &str) -> Result<(Scene, Running)> {
    let scene = Scene::new(prefix).await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    Ok((scene, operator))
}

async fn set_tag(scene: &Scene, bucket: &str, value: &str) -> Result<()> {
    let tags = json!({ "spec": { "tags": { "team": value } } });
    scene.patch::<S3Bucket>(bucket, tags).await?;
    Ok(())
}

fn sent(scene: &Scene, operation: &str) -> usize {
    scene.aws.proxy().counts().about(Verb::Write, operation)
}

#[tokio::test]
async fn whoever_edits_between_our_read_and_our_write_wins() -> Result<()> {
    let (scene, operator) = begin("conflict").await?;
    let cases = [("at-finalizer", BUCKETS), ("at-intent", STATUS)];
    let buckets = scene.buckets();
    let unmet = Mutex::new(BTreeSet::from(cases));
    scene.api.proxy().on_request(move |point, call| {
        let mut met = None;
        if point == Point::Before && call.verb == Verb::Write {
            unmet.lock().retain(|(name, written)| {
                let this = call.about == *written && call.path.contains(name);
                met = met.or(this.then_some(*name));
                !this
            });
        }
        let buckets = buckets.clone();
        async move {
            if let Some(name) = met {
                let edit = Patch::Merge(json!({ "spec": { "tags": { "edited": "yes" } } }));
                let edited = buckets.patch(name, &PatchParams::default(), &edit).await;
                edited.expect("an administrator may edit");
            }
            Verdict::Pass
        }
    });
    for (name, _) in cases {
        scene.bucket(name, "account", json!({})).await?;
        let ready = scene.ready::<S3Bucket>(name).await?;
        assert!(ready.spec.tags.contains_key("edited"), "{name}");
        let bucket = scene.bucket_name(name);
        let requests = scene.aws.proxy().requests();
        let writes: Vec<&Call> = requests
            .iter()
            .map(|it| &*it.call)
            .filter(|call| call.verb == Verb::Write && call.path.contains(&bucket))
            .collect();
        let [created] = writes[..] else {
            panic!("one write, with all that was asked for by then: {writes:?}");
        };
        let body = String::from_utf8_lossy(&created.body);
        assert!(body.contains("<Key>edited</Key>"), "{name}: {body}");
    }
    operator.stop().await
}

#[tokio::test]
async fn a_deletion_while_the_watch_is_cut_is_not_missed() -> Result<()> {
    let (scene, operator) = begin("cut").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;

    let looks = |call: &Call| call.verb != Verb::Write && call.about == BUCKETS;
    let blind = scene
        .api
        .proxy()
        .rule(Rule::when(looks, Action::DropBefore));
    let cut = scene.api.proxy().cut_watches(|call| call.about == BUCKETS);
    assert_eq!(cut, 1);
    // Somebody takes the finalizer off, so that the object is gone before the watch is back.
    scene.delete::<S3Bucket>("data").await?;
    let bare = json!({ "metadata": { "finalizers": null } });
    scene.patch::<S3Bucket>("data", bare).await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.refused::<AWSProvider>("account", "InUse").await?;

    let _hurry = operator.hurried();
    wait::until("a look that fails", PATIENCE, || async { blind.hits() > 1 }).await?;
    blind.remove();
    scene.gone::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn watches_begin_anew_when_their_version_has_expired() -> Result<()> {
    let (scene, operator) = begin("expired").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;

    let watches = |call: &Call| call.verb == Verb::Watch && call.about == BUCKETS;
    let gone = refusal(StatusCode::GONE, "Expired", "too old resource version");
    let proxy = scene.api.proxy();
    let in_the_stream = proxy.rule(Rule::when(watches, Action::Answer(watch_expired())).times(2));
    let at_once = proxy.rule(Rule::when(watches, Action::Answer(gone)).times(2));
    assert_eq!(proxy.cut_watches(|call| call.about == BUCKETS), 1);
    let _hurry = operator.hurried();
    set_tag(&scene, "data", "new").await?;
    scene.ready::<S3Bucket>("data").await?;
    // The lists between the watches may have shown the edit already.
    wait::until("every refusal to be met", PATIENCE, || async {
        (in_the_stream.hits(), at_once.hits()) == (2, 2)
    })
    .await?;
    set_tag(&scene, "data", "newer").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_throttling_api_server_is_left_alone_as_long_as_it_asks() -> Result<()> {
    let (scene, operator) = begin("busy").await?;
    let writes = |call: &Call| call.about == STATUS;
    let busy = throttled(600);
    let rule = scene
        .api
        .proxy()
        .rule(Rule::when(writes, Action::Answer(busy)).once());
    scene.bucket("first", "account", json!({})).await?;
    scene
        .refused::<S3Bucket>("first", "APIServerUnavailable")
        .await?;
    assert_eq!(rule.hits(), 1);

    // A minute is left for what follows.
    operator.clock.advance(Duration::from_secs(540));
    scene.bucket("second", "account", json!({})).await?;
    scene.ready::<S3Bucket>("second").await?;
    assert_eq!(sent(&scene, "CreateBucket"), 1, "the second one's");
    operator.clock.advance(Duration::from_secs(700));
    scene.ready::<S3Bucket>("first").await?;
    operator.stop().await
}

/// 429 as the API server words it, with the pause that it asks for.
fn throttled(seconds: u32) -> http::Response<bytes::Bytes> {
    let plain = refusal(
        StatusCode::TOO_MANY_REQUESTS,
        "TooManyRequests",
        "please try again later",
    );
    plain.map(|body| {
        let mut status: Value = serde_json::from_slice(&body).expect("it is JSON");
        status["details"] = json!({ "retryAfterSeconds": seconds });
        status.to_string().into()
    })
}

#[tokio::test]
async fn nothing_is_done_outside_that_cannot_be_written_down_before() -> Result<()> {
    let (scene, operator) = begin("unwritten").await?;
    let forbidden = refusal(StatusCode::FORBIDDEN, "Forbidden", "you may not");
    let writes = |call: &Call| call.about == STATUS;
    let rule = scene
        .api
        .proxy()
        .rule(Rule::when(writes, Action::Answer(forbidden)));
    let hurry = operator.hurried();
    scene.bucket("data", "account", json!({})).await?;
    // Two a pass: the intent, and what became of it.
    wait::until("some passes", PATIENCE, || async { rule.hits() >= 4 }).await?;
    assert_eq!(scene.aws.proxy().counts().of(Verb::Write), 0);
    rule.remove();
    scene.ready::<S3Bucket>("data").await?;
    drop(hurry);
    operator.stop().await
}

#[tokio::test]
async fn a_restart_of_the_api_server_is_survived() -> Result<()> {
    let control_plane = ControlPlane::start().await?;
    let scene = Scene::on(&control_plane, "restart").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    for name in ["kept", "deleted"] {
        let wish = scene.every_facet(name).await?;
        scene.bucket(name, "account", wish).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    control_plane.restart_api_server().await?;
    set_tag(&scene, "kept", "after").await?;
    scene.delete::<S3Bucket>("deleted").await?;
    scene.bucket("new", "account", json!({})).await?;
    scene.ready::<S3Bucket>("kept").await?;
    scene.ready::<S3Bucket>("new").await?;
    scene.gone::<S3Bucket>("deleted").await?;
    operator.stop().await?;
    control_plane.stop().await;
    Ok(())
}
