//! What a bucket costs that nobody touches, and how soon what happened to it is noticed.

mod scene;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    aws,
    proxy::{Action, Call, Gate, Point, Rule, Verb, kubernetes::refusal},
    wait,
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use scene::{PATIENCE, Running, Scene, lifecycle, ready_reason, state::State};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// More than all parts of a bucket.
const ROUND: usize = 24;

/// As by default, but that time is passed in longer steps.
const SETTINGS: [&str; 3] = [
    "--drift-interval=1h",
    "--reconcile-interval=10m",
    "--leader-elect=false",
];

#[tokio::test]
async fn an_idle_bucket_costs_two_reads_an_hour_and_each_part_has_its_turn() -> Result<()> {
    let scene = Scene::new("idle").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let wish = scene.every_facet("data").await?;
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    state.idle().await?;
    let parts = reads(&scene, &name);
    ensure!(parts.len() > 20, "{parts:?}");

    scene.aws.proxy().clear();
    for hour in 1..=ROUND {
        pass_hour(&operator, &state).await?;
        let calls = scene.calls_about(&name);
        ensure!(calls <= 2 * hour, "{calls} in {hour} hours");
    }
    let read = reads(&scene, &name);
    let missed: Vec<_> = parts
        .difference(&read)
        .filter(|it| *it != "HeadBucket")
        .collect();
    ensure!(missed.is_empty(), "never read: {missed:?}");

    // Changes of the provider are no reason to read.
    scene.aws.proxy().clear();
    scene.request_pass::<AWSProvider>("account").await?;
    state.idle().await?;
    ensure!(scene.calls_about(&name) <= 2);

    // On request everything is read at once, and so it is by an operator that has just started.
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    let asked = reads(&scene, &name);
    ensure!(parts.is_subset(&asked), "{asked:?}");
    operator.stop().await?;
    scene.aws.proxy().clear();
    let operator = scene.operator_with(&settings)?;
    state
        .until("the first look", |_| parts.is_subset(&reads(&scene, &name)))
        .await?;
    operator.stop().await
}

#[tokio::test]
async fn what_happened_is_noticed_when_its_turn_comes_and_then_as_a_whole() -> Result<()> {
    let scene = Scene::new("noticed").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    let wish = json!({
        "versioning": { "enabled": true }, "encryption": { "algorithm": "AES256" }, "accelerate": { "enabled": false },
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;
    let name = scene.bucket_name("data");
    let suspended = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Suspended)
        .build();
    let put = scene.somebody.s3.put_bucket_versioning().bucket(&name);
    put.versioning_configuration(suspended).send().await?;
    // As many hours as the spec has parts, tags among them.
    for _ in 0..4 {
        pass_hour(&operator, &state).await?;
    }
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));

    // That it is gone is noticed by the next look.
    scene.somebody.delete(&name).await?;
    pass_hour(&operator, &state).await?;
    assert!(scene.somebody.exists(&name).await?);
    scene.event::<S3Bucket>("data", "Recreated").await?;
    operator.stop().await
}

/// Who is asked for fewer calls does not answer with more.
#[tokio::test]
async fn a_look_that_is_throttled_is_not_followed_by_a_larger_one() -> Result<()> {
    let scene = Scene::new("throttled-look").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;
    let name = scene.bucket_name("data");
    let mut slow = aws::refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "no");
    let hour = HeaderValue::from_static("3600");
    slow.headers_mut().insert(RETRY_AFTER, hour);
    let of_it = name.clone();
    let about = move |call: &Call| call.path.trim_matches('/') == of_it;
    let throttled = Rule::when(about, Action::Answer(slow)).once();
    let throttled = scene.aws.proxy().rule(throttled);
    scene.aws.proxy().clear();
    pass_hour(&operator, &state).await?;
    assert_eq!(throttled.hits(), 1);
    assert_eq!(scene.calls_about(&name), 1);

    operator.clock.advance(2 * HOUR);
    let looked = |_: &Value| reads(&scene, &name).contains("HeadBucket");
    state.until("a whole look", looked).await?;
    state.idle().await?;
    assert!(lifecycle(&scene.buckets().get("data").await?).ready);
    operator.stop().await
}

#[tokio::test]
async fn drift_is_looked_for_at_its_interval_where_passes_are_rarer() -> Result<()> {
    let scene = Scene::new("rarer").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let intervals = ["--drift-interval=10m", "--reconcile-interval=10h"];
    let settings = [&intervals[..], &["--leader-elect=false", &setting]].concat();
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    let wish = json!({ "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;
    let name = scene.bucket_name("data");
    for _ in 0..3 {
        let mut tags = scene.somebody.tags(&name).await?;
        tags.insert("team".to_owned(), "b".to_owned());
        scene.somebody.set_tags(&name, &tags).await?;
        operator.clock.advance(12 * MINUTE);
        state.idle().await?;
        let tags = scene.somebody.has(&name).await?.tags;
        assert_eq!(tags.get("team").map(String::as_str), Some("a"));
    }
    operator.stop().await
}

#[tokio::test]
async fn whoever_leads_again_looks_at_everything_anew() -> Result<()> {
    let scene = Scene::new("again").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let often = "--leader-election-retry-period=200ms";
    let operator = scene.operator_with(&[&setting, often])?;
    scene.provider("account").await?;
    let wish = json!({ "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;

    lease_of(&scene, "another").await?;
    let lost = |state: &Value| state["lease"]["leading"] == false;
    state.until("it to lead no more", lost).await?;
    let name = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&name).await?;
    tags.insert("team".to_owned(), "b".to_owned());
    scene.somebody.set_tags(&name, &tags).await?;
    lease_of(&scene, "").await?;
    let mended = || async {
        let has = scene.somebody.has(&name).await;
        let tags = has.map_err(|error| format!("{error:#}"))?.tags;
        match tags.get("team").map(String::as_str) {
            Some("a") => Ok(()),
            _ => Err(format!("{tags:?}")),
        }
    };
    wait::until("the first look of its next term", PATIENCE, mended).await?;
    operator.stop().await
}

#[tokio::test]
async fn whoever_leads_again_holds_nothing_of_before_against_anybody() -> Result<()> {
    let scene = Scene::new("anew").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let often = "--leader-election-retry-period=200ms";
    let operator = scene.operator_with(&[&setting, often])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;

    let name = scene.bucket_name("data");
    let about = move |call: &Call| call.path.trim_matches('/') == name;
    let down = aws::refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "no");
    let failing = Rule::when(about.clone(), Action::Answer(down));
    let failing = scene.aws.proxy().rule(failing);
    let asked = json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/reconcile-requested-at": "now",
    } } });
    scene.patch::<S3Bucket>("data", asked).await?;
    let failed = async || failing.hits() >= 1;
    wait::until("a look that fails", PATIENCE, failed).await?;
    interregnum(&scene, &state, &operator).await?;

    // One failure is no streak that goes on since the last term.
    let before = failing.hits();
    let again = async || failing.hits() > before;
    wait::until("a look that fails again", PATIENCE, again).await?;
    state.idle().await?;
    assert!(lifecycle(&scene.buckets().get("data").await?).ready);
    failing.remove();
    scene.request_pass::<S3Bucket>("data").await?;

    // Nor is what was asked for then a reason to wait now.
    let mut slow = aws::refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "no");
    let hour = HeaderValue::from_static("3600");
    slow.headers_mut().insert(RETRY_AFTER, hour);
    let throttling = Rule::when(about, Action::Answer(slow)).once();
    let throttling = scene.aws.proxy().rule(throttling);
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    scene.refused::<S3Bucket>("data", "Throttled").await?;
    assert_eq!(throttling.hits(), 1);
    interregnum(&scene, &state, &operator).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn whoever_leads_again_uses_no_provider_as_it_was_before() -> Result<()> {
    let scene = Scene::new("other-keys").await?;
    let team = scene.cluster.namespace("team").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let both = format!(
        "--watch-namespaces={},{}",
        scene.namespace.name(),
        team.name()
    );
    let often = "--leader-election-retry-period=200ms";
    let operator = scene.operator_with(&[&setting, &both, often])?;
    scene.provider("account").await?;
    let allow = |allowed: Value| json!({ "spec": { "allowedNamespaces": allowed } });
    let leave = allow(json!([team.name()]));
    scene.patch::<AWSProvider>("account", leave).await?;
    scene.ready::<AWSProvider>("account").await?;
    state.idle().await?;

    lease_of(&scene, "another").await?;
    let lost = |state: &Value| state["lease"]["leading"] == false;
    state.until("it to lead no more", lost).await?;
    scene.keys("account", "AKIDAFTERWARDS").await?;
    let last = |state: &Value| state["watch/awsprovider"]["lastEventAt"].clone();
    let before = last(&state.read().await?);
    scene
        .patch::<AWSProvider>("account", allow(json!([])))
        .await?;
    // Whoever leads goes by what he has heard.
    state
        .until("the patch to be heard of", |state| last(state) != before)
        .await?;
    scene.bucket("data", "account", json!({})).await?;
    let buckets: Api<S3Bucket> = team.api()?;
    let without_leave: S3Bucket = serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1",
        "kind": "S3Bucket",
        "metadata": { "name": "teams" },
        "spec": {
            "providerRef": { "name": "account", "namespace": scene.namespace.name() },
            "bucketName": scene.bucket_name("teams"),
        },
    }))?;
    buckets.create(&Default::default(), &without_leave).await?;
    scene.aws.proxy().clear();
    let gate = Gate::new();
    let identity = |call: &Call| call.about == "GetCallerIdentity";
    let held = Action::Hold(Point::Before, gate.clone());
    let held = scene.aws.proxy().rule(Rule::when(identity, held));
    lease_of(&scene, "").await?;

    // The provider is looked at, and nobody knows yet what comes of that.
    let asked = async || held.hits() >= 1;
    wait::until("a look at the provider", PATIENCE, asked).await?;
    let waits = |bucket: &S3Bucket| {
        ["WaitingForProvider", "ProviderNotReady"].contains(&&*ready_reason(bucket))
    };
    wait::wait_for(&scene.buckets(), "data", "it waits", PATIENCE, waits).await?;
    let seen = |bucket: &S3Bucket| !ready_reason(bucket).is_empty();
    wait::wait_for(&buckets, "teams", "it was seen", PATIENCE, seen).await?;
    gate.open();
    scene.ready::<S3Bucket>("data").await?;
    let refused = |bucket: &S3Bucket| ready_reason(bucket) == "NotAllowed";
    wait::wait_for(&buckets, "teams", "no leave", PATIENCE, refused).await?;
    assert_eq!(scene.calls_about(&scene.bucket_name("teams")), 0);
    let requests = scene.aws.proxy().requests();
    let signers: BTreeSet<&str> = requests.iter().map(|it| &*it.call.signer).collect();
    assert_eq!(signers, BTreeSet::from(["AKIDAFTERWARDS"]));
    operator.stop().await
}

/// Another leads for longer than a hitch may last, and then nobody.
async fn interregnum(scene: &Scene, state: &State, operator: &Running) -> Result<()> {
    lease_of(scene, "another").await?;
    let lost = |state: &Value| state["lease"]["leading"] == false;
    state.until("it to lead no more", lost).await?;
    operator.clock.advance(20 * MINUTE);
    lease_of(scene, "").await
}

#[tokio::test]
async fn what_could_not_be_written_is_looked_at_again() -> Result<()> {
    let scene = Scene::new("unwritten").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "tags": { "team": "a" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&name).await?;
    tags.insert("team".to_owned(), "b".to_owned());
    scene.somebody.set_tags(&name, &tags).await?;

    // The first says that it has drifted, the second that it was mended.
    let down = refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "no");
    let written = |call: &Call| call.about == "s3buckets/status" && call.verb == Verb::Write;
    let rule = Rule::when(written, Action::Answer(down)).skip(1).once();
    let rule = scene.api.proxy().rule(rule);
    let bucket = scene.request_pass::<S3Bucket>("data").await?;
    assert_eq!(rule.hits(), 1);
    assert_eq!(scene.somebody.has(&name).await?.tags["team"], "a");
    let drifted = lifecycle(&bucket).condition("Drifted").cloned();
    assert_eq!(drifted, None);
    assert_eq!(bucket.status.unwrap_or_default().upkeep.drift, None);
    operator.stop().await
}

/// As a controller does that replaces a Secret by another one.
#[tokio::test]
async fn credentials_that_were_away_for_a_moment_are_no_reason_to_look() -> Result<()> {
    let scene = Scene::new("away").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    state.idle().await?;
    scene.aws.proxy().clear();
    let secrets = scene.api_of::<Secret>();
    secrets.delete("account", &Default::default()).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    state.idle().await?;
    scene.keys("account", "AKIDEXAMPLE").await?;
    scene.ready::<AWSProvider>("account").await?;
    state.idle().await?;
    assert_eq!(scene.calls_about(&scene.bucket_name("data")), 0);

    // What was wanted meanwhile is brought into force all the same.
    secrets.delete("account", &Default::default()).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    scene.keys("account", "AKIDEXAMPLE").await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.tags["team"], "a");
    operator.stop().await
}

/// Gives the lease to somebody for long, or frees it.
async fn lease_of(scene: &Scene, holder: &str) -> Result<()> {
    let patch = json!({ "spec": {
        "holderIdentity": holder, "leaseDurationSeconds": 3600,
        "renewTime": "2100-01-01T00:00:00.000000Z",
    } });
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    let leases = scene.api_of::<Lease>();
    leases.patch(cloud_operator::LEASE, &params, &patch).await?;
    Ok(())
}

/// Lets an hour pass in steps in each of which every object has a pass, and a little more than the pass that was
/// planned last needs.
async fn pass_hour(operator: &Running, state: &State) -> Result<()> {
    let step = 12 * MINUTE;
    for _ in 0..HOUR.div_duration_f64(step).ceil() as usize {
        operator.clock.advance(step);
        state.idle().await?;
    }
    Ok(())
}

/// What was read of the bucket.
fn reads(scene: &Scene, bucket: &str) -> BTreeSet<String> {
    let requests = scene.aws.proxy().requests();
    let of_it = requests
        .iter()
        .filter(|it| it.call.path.trim_matches('/') == bucket);
    of_it
        .filter(|it| it.call.verb == Verb::Read)
        .map(|it| it.call.about.clone())
        .collect()
}
