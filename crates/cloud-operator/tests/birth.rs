//! A creation whose effect, or what shows it, comes late: nothing is left behind, and nothing is taken for a
//! stranger's.

mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    AwsProxy, Moto,
    aws::refusal,
    proxy::{Action, Call, Gate, Point, Rule, RuleHandle, Verb},
    wait,
};
use http::StatusCode;
use kube::ResourceExt;
use scene::{PATIENCE, Scene, UNHURRIED, outside::Somebody, ready_message};
use serde_json::json;

/// The region in which whoever creates his own bucket again is told that he has created it.
const FIRST_REGION: &str = "us-east-1";
/// Longer than a creation is awaited.
const AWAITED: Duration = Duration::from_secs(121);

#[tokio::test]
async fn a_bucket_that_comes_after_its_object_was_deleted_goes_with_it() -> Result<()> {
    let scene = Scene::new("late").await?;
    let operator = scene.operator()?;
    let gate = Gate::new();
    let late = Rule::when(is_creation, Action::DropEarly(gate.clone())).once();
    scene.aws.proxy().rule(late);
    // What is refused afterwards says nothing of the first.
    let aborted = refusal::s3(StatusCode::CONFLICT, "OperationAborted", "try again");
    scene
        .aws
        .proxy()
        .rule(Rule::when(is_creation, Action::Answer(aborted)));
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    let again = |bucket: &S3Bucket| ready_message(bucket).contains("OperationAborted");
    wait::wait_for(&scene.buckets(), "data", "another try", PATIENCE, again).await?;

    scene.delete::<S3Bucket>("data").await?;
    let held = scene.refused::<S3Bucket>("data", "Deleting").await?;
    let message = ready_message(&held);
    ensure!(message.contains("on its way"), "{message}");
    ensure!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    gate.open();
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    let counts = scene.aws.proxy().counts();
    assert_eq!(counts.about(Verb::Write, "DeleteBucket"), 1);
    operator.stop().await
}

#[tokio::test]
async fn a_creation_that_never_comes_holds_its_object_for_a_while() -> Result<()> {
    let scene = Scene::new("never").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene
        .aws
        .proxy()
        .rule(Rule::when(is_creation, Action::DropBefore));
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "CreationFailed").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "Deleting").await?;
    operator.clock.advance(AWAITED);
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_creation_that_was_refused_holds_nothing() -> Result<()> {
    let scene = Scene::new("refused-creation").await?;
    // By its clock the while does not pass.
    let operator = scene.operator()?;
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    scene
        .aws
        .proxy()
        .rule(Rule::when(is_creation, Action::Answer(denied)));
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    let refused = scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    let record = refused.status.and_then(|status| status.record);
    assert_eq!(record, None);
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

/// What is new for certain is given its mark at once, whatever is shown of it, and once more where that is not shown.
#[tokio::test]
async fn a_new_bucket_that_shows_its_mark_late_is_the_objects() -> Result<()> {
    for (looks, marked) in [(1, 1), (4, 2)] {
        let scene = Scene::new("unshown").await?;
        let operator = scene.operator()?;
        let late = shows_no_tags(&scene, looks);
        scene.provider("account").await?;
        scene.bucket("data", "account", json!({})).await?;
        let bucket = scene.ready::<S3Bucket>("data").await?;
        assert_eq!(late.hits(), looks);
        let marks = writes(&scene).split_off(1);
        assert_eq!(marks, vec!["PutBucketTagging"; marked]);
        let has = scene.somebody.has(&scene.bucket_name("data")).await?;
        assert_eq!(has.mark.get("uid"), bucket.uid().as_ref());
        let record = bucket.status.and_then(|status| status.record);
        let record = record.map(|it| (it.created, it.creation_began_at));
        assert_eq!(record, Some((true, None)));
        scene.delete::<S3Bucket>("data").await?;
        scene.gone::<S3Bucket>("data").await?;
        operator.stop().await?;
    }
    Ok(())
}

/// Where the answer does not tell a new bucket from one that was there, it is only waited for.
#[tokio::test]
async fn a_bucket_that_may_be_new_is_not_written_to_before_its_mark_is_shown() -> Result<()> {
    let scene = Scene::new("first-region").await?;
    let operator = scene.operator()?;
    let late = shows_no_tags(&scene, 3);
    provider(&scene, &scene.aws.url(), FIRST_REGION).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    assert_eq!(late.hits(), 3);
    assert_eq!(writes(&scene), ["CreateBucket"]);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_that_does_not_show_its_mark_yet_is_not_left_behind() -> Result<()> {
    let scene = Scene::new("unshown-end").await?;
    let operator = scene.operator()?;
    let late = shows_no_tags(&scene, usize::MAX);
    provider(&scene, &scene.aws.url(), FIRST_REGION).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.refused::<S3Bucket>("data", "Creating").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "Deleting").await?;
    late.remove();
    scene.gone::<S3Bucket>("data").await?;
    let somebody = Somebody::in_region(Moto::shared().await?, FIRST_REGION).await?;
    ensure!(!somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_store_that_makes_buckets_without_tags_has_them_marked() -> Result<()> {
    let scene = Scene::new("store").await?;
    let store = AwsProxy::of_a_store_without_tags_at_creation(Moto::shared().await?.url()).await?;
    let allowed = format!("--allowed-endpoints={}", store.url());
    let mut settings = UNHURRIED.to_vec();
    settings.push(&allowed);
    let operator = scene.operator_with(&settings)?;
    provider(&scene, &store.url(), scene::outside::REGION).await?;
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.mark.get("uid"), bucket.uid().as_ref());
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&scene.bucket_name("data")).await?);

    // Unless it may have been there: then it is somebody's, after a while.
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;
    provider(&scene, &store.url(), FIRST_REGION).await?;
    scene.bucket("doubtful", "account", json!({})).await?;
    scene.refused::<S3Bucket>("doubtful", "Creating").await?;
    operator.clock.advance(AWAITED);
    scene.refused::<S3Bucket>("doubtful", "NotManaged").await?;
    scene.delete::<S3Bucket>("doubtful").await?;
    scene.gone::<S3Bucket>("doubtful").await?;
    scene.event::<S3Bucket>("doubtful", "LeftAlone").await?;
    operator.stop().await
}

/// Its creation has proven whose it is.
#[tokio::test]
async fn a_bucket_that_could_not_be_marked_at_once_is_marked_later_or_goes() -> Result<()> {
    let scene = Scene::new("unmarked").await?;
    let store = AwsProxy::of_a_store_without_tags_at_creation(Moto::shared().await?.url()).await?;
    let allowed = format!("--allowed-endpoints={}", store.url());
    let settings = ["--leader-elect=false", &allowed];
    let operator = scene.operator_with(&settings)?;
    provider(&scene, &store.url(), scene::outside::REGION).await?;
    let is_marked = async |name: &str| -> Result<()> {
        let bucket = scene.ready::<S3Bucket>(name).await?;
        let has = scene.somebody.has(&scene.bucket_name(name)).await?;
        assert_eq!(has.mark.get("uid"), bucket.uid().as_ref(), "{name}");
        Ok(())
    };
    let down = refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "no");
    let down = Rule::when(is_marking, Action::Answer(down)).once();
    let down = store.proxy().rule(down);
    scene.bucket("refused", "account", json!({})).await?;
    is_marked("refused").await?;
    assert_eq!(down.hits(), 1);

    let gate = Gate::new();
    let held = Rule::when(is_marking, Action::Hold(Point::Before, gate.clone())).once();
    store.proxy().rule(held);
    scene.bucket("cut", "account", json!({})).await?;
    gate.arrived(1).await;
    operator.crash().await;
    let operator = scene.operator_with(&settings)?;
    is_marked("cut").await?;

    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no");
    store
        .proxy()
        .rule(Rule::when(is_marking, Action::Answer(denied)));
    scene.bucket("denied", "account", json!({})).await?;
    scene.refused::<S3Bucket>("denied", "AccessDenied").await?;
    let name = scene.bucket_name("denied");
    ensure!(scene.somebody.exists(&name).await?);
    scene.delete::<S3Bucket>("denied").await?;
    scene.gone::<S3Bucket>("denied").await?;
    ensure!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

/// Whoever waits for nothing else does not ask every moment.
#[tokio::test]
async fn a_mark_that_does_not_come_is_looked_for_more_and_more_rarely() -> Result<()> {
    let scene = Scene::new("rarely").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    let late = shows_no_tags(&scene, usize::MAX);
    provider(&scene, &scene.aws.url(), FIRST_REGION).await?;
    scene.bucket("data", "account", json!({})).await?;
    let _hurry = operator.hurried();
    scene.refused::<S3Bucket>("data", "NotManaged").await?;
    let looks = late.hits();
    ensure!(looks < 20, "{looks} looks");
    operator.stop().await
}

/// What has to be waited for before the call is no part of the time in which its effect may come.
#[tokio::test]
async fn a_creation_that_was_held_up_is_awaited_from_when_it_was_sent() -> Result<()> {
    let scene = Scene::new("held-up").await?;
    let operator = scene.operator_with(UNHURRIED)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let held = Gate::new();
    let asks = |call: &Call| call.about == "GetCallerIdentity";
    let hold = Action::Hold(Point::Before, held.clone());
    scene.aws.proxy().rule(Rule::when(asks, hold));
    let gate = Gate::new();
    let late = Rule::when(is_creation, Action::DropEarly(gate.clone())).once();
    scene.aws.proxy().rule(late);
    let aborted = refusal::s3(StatusCode::CONFLICT, "OperationAborted", "try again");
    let aborted = Rule::when(is_creation, Action::Answer(aborted));
    scene.aws.proxy().rule(aborted);
    scene.bucket("data", "account", json!({})).await?;
    held.arrived(1).await;
    operator.clock.advance(AWAITED);
    held.open();
    let again = |bucket: &S3Bucket| ready_message(bucket).contains("OperationAborted");
    wait::wait_for(&scene.buckets(), "data", "another try", PATIENCE, again).await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "Deleting").await?;
    gate.open();
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

fn is_marking(call: &Call) -> bool {
    call.about == "PutBucketTagging"
}

fn is_creation(call: &Call) -> bool {
    call.about == "CreateBucket"
}

/// As many looks at a bucket that was made find no tags.
fn shows_no_tags(scene: &Scene, looks: usize) -> RuleHandle {
    let none = refusal::s3(StatusCode::NOT_FOUND, "NoSuchTagSet", "none");
    let made = Arc::new(AtomicBool::new(false));
    let is_late = move |call: &Call| {
        if is_creation(call) {
            made.store(true, Ordering::Relaxed);
        }
        call.about == "GetBucketTagging" && made.load(Ordering::Relaxed)
    };
    let rule = Rule::when(is_late, Action::Answer(none)).times(looks);
    scene.aws.proxy().rule(rule)
}

async fn provider(scene: &Scene, endpoint: &str, region: &str) -> Result<AWSProvider> {
    scene.keys("account", "AKIDEXAMPLE").await?;
    let spec = json!({
        "region": region, "endpoint": endpoint, "credentialsSecret": { "name": "account" },
    });
    scene
        .create(json!({ "kind": "AWSProvider", "metadata": { "name": "account" }, "spec": spec }))
        .await
}

fn writes(scene: &Scene) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    let written = requests.iter().filter(|it| it.call.verb == Verb::Write);
    written.map(|it| it.call.about.clone()).collect()
}
