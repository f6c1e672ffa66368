//! Credentials that AWS no longer knows: noticed by whoever meets it first, and told once for all.

use std::time::Duration;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use futures::future::try_join_all;
use harness::{
    aws::refusal,
    proxy::{Action, Call, Rule, RuleHandle},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Event;
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

use crate::scene::{PATIENCE, Scene, UNHURRIED, lifecycle, ready_message, state::State};

#[tokio::test]
async fn keys_that_aws_does_not_know_stop_all_buckets_as_one() -> Result<()> {
    const LOOKS: usize = 5;
    let scene = Scene::new("unknown-keys").await?;
    let refusing = refuse_keys(&scene);
    let state = State::reserve()?;
    let setting = state.setting();
    let operator = scene.operator_with(&[UNHURRIED, &[&setting]].concat())?;
    scene.provider("account").await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        "sts:GetCallerIdentity",
        "InvalidClientTokenId",
        "credentials",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }

    let names: Vec<String> = (0..10).map(|n| format!("b{n}")).collect();
    try_join_all(
        names
            .iter()
            .map(|name| scene.bucket(name, "account", json!({}))),
    )
    .await?;
    for name in &names {
        scene.refused::<S3Bucket>(name, "ProviderNotReady").await?;
    }
    state.idle().await?;
    scene.aws.proxy().clear();
    for _ in 0..LOOKS {
        operator.clock.advance(Duration::from_secs(6 * 60));
        state.idle().await?;
    }
    // A look every few minutes by the provider, whatever the number of its buckets.
    let about: Vec<String> = scene
        .aws
        .proxy()
        .requests()
        .into_iter()
        .map(|it| it.call.about.clone())
        .collect();
    assert!(
        about.iter().all(|it| it == "GetCallerIdentity"),
        "{about:?}"
    );
    assert!((LOOKS..=2 * LOOKS).contains(&about.len()), "{about:?}");

    refusing.into_iter().for_each(RuleHandle::remove);
    scene.keys("account", "AKIAGOOD").await?;
    scene.ready::<AWSProvider>("account").await?;
    for name in &names {
        scene.ready::<S3Bucket>(name).await?;
    }
    operator.stop().await
}

#[tokio::test]
async fn keys_that_are_taken_away_are_noticed_by_the_first_bucket() -> Result<()> {
    let scene = Scene::new("revoked").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let names = ["a", "b", "c"];
    for name in names {
        scene.bucket(name, "account", json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    let [sts, s3] = refuse_keys(&scene);
    let edit = json!({ "spec": { "versioning": { "enabled": true } } });
    scene.patch::<S3Bucket>("a", edit.clone()).await?;
    scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    scene.refused::<S3Bucket>("a", "ProviderNotReady").await?;
    let met = s3.hits();
    for name in ["b", "c"] {
        scene.patch::<S3Bucket>(name, edit.clone()).await?;
        scene.refused::<S3Bucket>(name, "ProviderNotReady").await?;
    }
    assert_eq!(s3.hits(), met, "nobody else had to find out");

    sts.remove();
    s3.remove();
    scene.keys("account", "AKIANEW").await?;
    for name in names {
        scene.ready::<S3Bucket>(name).await?;
    }
    operator.stop().await
}

/// As of an account that is suspended.
#[tokio::test]
async fn what_s3_refuses_and_sts_knows_stops_all_buckets_as_one() -> Result<()> {
    const MINUTES: usize = 10;
    let scene = Scene::new("suspended").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let operator = scene.operator_with(&[UNHURRIED, &[&setting]].concat())?;
    scene.provider("account").await?;
    let names: Vec<String> = (0..10).map(|n| format!("b{n}")).collect();
    for name in &names {
        scene.bucket(name, "account", json!({})).await?;
    }
    for name in &names {
        scene.ready::<S3Bucket>(name).await?;
    }
    state.idle().await?;
    // What was not answered was not tried out.
    let unavailable = refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "");
    let lists = |call: &Call| call.about == "ListBuckets";
    let unanswered = Rule::when(lists, Action::Answer(unavailable)).once();
    scene.aws.proxy().rule(unanswered);
    let suspended = refusal::s3(StatusCode::FORBIDDEN, "AccountProblem", "suspended");
    let refusing = Rule::when(is_of_s3, Action::Answer(suspended));
    let refusing = scene.aws.proxy().rule(refusing);
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    for name in &names {
        scene.patch::<S3Bucket>(name, edit.clone()).await?;
    }
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    assert!(message.contains("AccountProblem"), "{message}");
    for name in &names {
        scene.refused::<S3Bucket>(name, "ProviderNotReady").await?;
    }
    state.idle().await?;
    scene.aws.proxy().clear();
    for _ in 0..MINUTES {
        operator.clock.advance(Duration::from_secs(61));
        state.idle().await?;
    }
    let requests = scene.aws.proxy().requests();
    let asked = requests.iter().filter(|it| is_of_s3(&it.call)).count();
    assert!((1..=2 * MINUTES).contains(&asked), "{asked} calls");
    assert!(told(&scene).await? <= names.len());

    refusing.remove();
    operator.clock.advance(Duration::from_secs(6 * 60));
    for name in &names {
        scene.ready::<S3Bucket>(name).await?;
    }
    scene.ready::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn what_one_bucket_meets_does_not_stop_those_of_a_paused_provider() -> Result<()> {
    let scene = Scene::new("paused").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    for name in ["a", "b"] {
        scene.bucket(name, "account", json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    let pause = json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/paused": "true",
    } } });
    scene.patch::<AWSProvider>("account", pause).await?;
    let paused = |provider: &AWSProvider| lifecycle(provider).condition("Paused").is_some();
    wait::wait_for(&scene.providers(), "account", "paused", PATIENCE, paused).await?;
    let path = scene.bucket_name("a");
    let of_a =
        move |call: &Call| call.about == "GetBucketTagging" && call.path.trim_matches('/') == path;
    let problem = refusal::s3(StatusCode::FORBIDDEN, "AccountProblem", "no");
    let refusing = scene
        .aws
        .proxy()
        .rule(Rule::when(of_a, Action::Answer(problem)));
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("a", edit.clone()).await?;
    scene
        .refused::<S3Bucket>("a", "AuthenticationFailed")
        .await?;
    scene.patch::<S3Bucket>("b", edit).await?;
    scene.ready::<S3Bucket>("b").await?;
    refusing.remove();
    scene.request_pass::<S3Bucket>("a").await?;
    scene.ready::<S3Bucket>("a").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_refusal_that_aws_takes_back_stops_nobody_for_long() -> Result<()> {
    let scene = Scene::new("expired").await?;
    let operator = scene.operator()?;
    scene.provider("broken").await?;
    scene.provider("sound").await?;
    scene.ready::<AWSProvider>("broken").await?;
    scene.ready::<AWSProvider>("sound").await?;

    let name = scene.bucket_name("refused");
    let expired = refusal::s3(
        StatusCode::BAD_REQUEST,
        "ExpiredToken",
        "The provided token has expired.",
    );
    let refuse = scene.aws.proxy().rule(
        Rule::when(
            move |call| {
                call.path.contains(&name)
                    || (call.about == "ListBuckets" && call.query.contains(&name))
            },
            Action::Answer(expired),
        )
        .times(2),
    );
    scene.bucket("refused", "broken", json!({})).await?;
    scene.bucket("fine", "sound", json!({})).await?;
    scene.ready::<S3Bucket>("fine").await?;
    // AWS refused the credentials, was asked again, and knows them now.
    scene.ready::<S3Bucket>("refused").await?;
    assert_eq!(refuse.hits(), 2);
    scene.ready::<AWSProvider>("broken").await?;
    operator.stop().await
}

/// However seldom buckets are compared with AWS.
#[tokio::test]
async fn identity_is_asked_for_every_five_minutes_and_shared_by_all() -> Result<()> {
    const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
    let scene = Scene::new("identity").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let intervals = ["--reconcile-interval=1h", "--drift-interval=1h", &setting];
    let seldom = [UNHURRIED, &intervals].concat();
    let operator = scene.operator_with(&seldom)?;
    scene.provider("account").await?;
    for name in ["one", "two"] {
        scene.bucket(name, "account", json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    let provider = scene.ready::<AWSProvider>("account").await?;
    state.idle().await?;
    scene.aws.proxy().clear();
    for _ in 0..3 {
        // Each look comes within a tenth of the interval.
        operator.clock.advance(FIVE_MINUTES.mul_f64(1.11));
        state.idle().await?;
    }
    operator.stop().await?;
    let requests = scene.aws.proxy().requests();
    let about: Vec<_> = requests.iter().map(|it| &*it.call.about).collect();
    assert_eq!(about, ["GetCallerIdentity"; 3], "once for all");
    let after = scene.providers().get("account").await?;
    assert_eq!(
        after.resource_version(),
        provider.resource_version(),
        "nothing changed, nothing is written"
    );
    Ok(())
}

fn is_of_s3(call: &Call) -> bool {
    call.about != "GetCallerIdentity"
}

/// How often buckets were told of what is their provider's.
async fn told(scene: &Scene) -> Result<usize> {
    let about = "involvedObject.kind=S3Bucket,reason=AuthenticationFailed";
    let about = ListParams::default().fields(about);
    let events = scene.api_of::<Event>().list(&about).await?.items;
    let times = events.iter().map(|event| {
        let series = event.series.as_ref().and_then(|series| series.count);
        series.or(event.count).unwrap_or(1).unsigned_abs() as usize
    });
    Ok(times.sum())
}

/// From now on AWS does not know the operator's keys: STS, and S3.
fn refuse_keys(scene: &Scene) -> [RuleHandle; 2] {
    let proxy = scene.aws.proxy();
    let unknown = refusal::query(
        StatusCode::FORBIDDEN,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    );
    let identity = |call: &Call| call.about == "GetCallerIdentity";
    let sts = proxy.rule(Rule::when(identity, Action::Answer(unknown)));
    let unknown = refusal::s3(StatusCode::FORBIDDEN, "InvalidAccessKeyId", "no");
    [
        sts,
        proxy.rule(Rule::when(|_| true, Action::Answer(unknown))),
    ]
}
