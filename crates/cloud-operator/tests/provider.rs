//! Providers on a real API server and AWS's stand-in: where credentials come from, who may use them, and how
//! they go.

mod scene;

use std::time::Duration;

use anyhow::{Context, Result};
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket},
    lifecycle::Managed,
};
use harness::{
    aws::refusal,
    proxy::{Action, Rule, Verb},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use scene::{PATIENCE, Scene, UNHURRIED, state::State};
use serde_json::json;

const ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "210987654321";

fn message<K: Managed>(object: &K) -> String {
    let ready = object.status().and_then(|status| {
        use crd_types::lifecycle::HasLifecycle;
        status.lifecycle().condition("Ready").cloned()
    });
    ready.map(|ready| ready.message).unwrap_or_default()
}

#[tokio::test]
async fn a_provider_waits_for_its_secret_and_then_says_who_it_is() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene
        .create::<AWSProvider>(json!({
            "kind": "AWSProvider",
            "metadata": { "name": "account" },
            "spec": {
                "region": "eu-central-1",
                "endpoint": scene.aws.url(),
                "credentialsSecret": { "name": "account" },
            },
        }))
        .await?;
    scene.bucket("waiting", "account", json!({})).await?;
    let waiting = scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    assert!(
        message(&waiting).contains("account"),
        "{}",
        message(&waiting)
    );
    scene
        .refused::<S3Bucket>("waiting", "ProviderNotReady")
        .await?;

    scene.keys("account", "AKIDEXAMPLE").await?;
    let ready = scene.ready::<AWSProvider>("account").await?;
    scene.ready::<S3Bucket>("waiting").await?;
    let status = ready.status.context("a status")?;
    assert_eq!(status.account_id.as_deref(), Some(ACCOUNT));
    assert_eq!(status.partition.as_deref(), Some("aws"));
    assert!(
        status
            .caller_identity
            .is_some_and(|arn| arn.starts_with("arn:aws:sts:") || arn.starts_with("arn:aws:iam:"))
    );
    let first = status.last_authentication_time.context("a time")?;

    let again = scene.request_pass::<AWSProvider>("account").await?;
    let status = again.status.context("a status")?;
    assert_eq!(
        status.last_authentication_time,
        Some(first),
        "nothing has changed"
    );
    operator.stop().await
}

#[tokio::test]
async fn a_secret_that_lacks_a_key_says_which() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let patch = Patch::Merge(json!({ "data": { "AWS_SECRET_ACCESS_KEY": null } }));
    scene
        .api_of::<Secret>()
        .patch("account", &PatchParams::default(), &patch)
        .await?;
    let refused = scene
        .refused::<AWSProvider>("account", "InvalidSecret")
        .await?;
    let message = message(&refused);
    assert!(
        message.contains("AWS_SECRET_ACCESS_KEY") && !message.contains("AKIDEXAMPLE"),
        "{message}"
    );
    operator.stop().await
}

/// Keys of another account show that they are in use, and that an object never follows to it.
#[tokio::test]
async fn a_rotated_secret_is_in_use_at_once_and_another_account_is_never_followed() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("pinned", "account", json!({})).await?;
    scene.ready::<S3Bucket>("pinned").await?;
    let writes = scene.aws.proxy().counts().of(Verb::Write);

    let sts = aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::Config::builder()
            .behavior_version_latest()
            .credentials_provider(aws_credential_types::Credentials::new(
                "AKIDEXAMPLE",
                "s",
                None,
                None,
                "test",
            ))
            .region(aws_sdk_sts::config::Region::new("eu-central-1"))
            .endpoint_url(scene.aws.url())
            .build(),
    );
    let role = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/other");
    let assumed = sts
        .assume_role()
        .role_arn(role)
        .role_session_name("test")
        .send()
        .await?;
    let keys = assumed.credentials.context("credentials")?;
    let values = json!({ "stringData": {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": format!("{}\n", keys.session_token),
    }});
    scene
        .api_of::<Secret>()
        .patch("account", &PatchParams::default(), &Patch::Merge(values))
        .await?;

    let moved = |provider: &AWSProvider| {
        provider
            .status
            .as_ref()
            .is_some_and(|status| status.account_id.as_deref() == Some(OTHER_ACCOUNT))
    };
    wait::wait_for(
        &scene.providers(),
        "account",
        "the new keys are in use",
        PATIENCE,
        moved,
    )
    .await?;
    let refused = scene
        .refused::<S3Bucket>("pinned", "AccountChanged")
        .await?;
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        assert!(message(&refused).contains(account), "{}", message(&refused));
    }
    let after = scene.aws.proxy().counts().of(Verb::Write);
    let assumptions = scene.aws.proxy().counts().about(Verb::Write, "AssumeRole");
    assert_eq!(
        after - assumptions,
        writes,
        "nothing was written in the other account"
    );

    scene.keys("account", "AKIDEXAMPLE").await?;
    let patch = Patch::Merge(json!({ "data": { "AWS_SESSION_TOKEN": null } }));
    scene
        .api_of::<Secret>()
        .patch("account", &PatchParams::default(), &patch)
        .await?;
    scene.ready::<S3Bucket>("pinned").await?;
    operator.stop().await
}

#[tokio::test]
async fn another_namespace_uses_a_provider_only_by_leave() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let team = scene.cluster.namespace("team").await?;
    let own = scene.namespace.name();
    let operator = scene.operator_with(&[&format!("--watch-namespaces={own},{}", team.name())])?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    let buckets: Api<S3Bucket> = team.api()?;
    let bucket: S3Bucket = serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
        "metadata": { "name": "shared" },
        "spec": {
            "providerRef": { "name": "account", "namespace": own },
            "bucketName": scene.bucket_name("shared"),
        },
    }))?;
    buckets.create(&Default::default(), &bucket).await?;
    let reason = |wanted: &'static str| {
        move |bucket: &S3Bucket| {
            use crd_types::lifecycle::HasLifecycle;
            let ready = bucket
                .status
                .as_ref()
                .and_then(|status| status.lifecycle().condition("Ready"));
            ready.is_some_and(|ready| ready.reason == wanted)
        }
    };
    let refused = wait::wait_for(
        &buckets,
        "shared",
        "not allowed",
        PATIENCE,
        reason("NotAllowed"),
    )
    .await?;
    assert!(
        message(&refused).contains("allowedNamespaces"),
        "{}",
        message(&refused)
    );
    assert_eq!(
        scene
            .aws
            .proxy()
            .counts()
            .about(Verb::Write, "CreateBucket"),
        0
    );

    let allow = json!({ "spec": { "allowedNamespaces": [team.name()] } });
    scene.patch::<AWSProvider>("account", allow).await?;
    wait::wait_for(
        &buckets,
        "shared",
        "allowed",
        PATIENCE,
        reason("BucketReady"),
    )
    .await?;

    scene
        .patch::<AWSProvider>("account", json!({ "spec": { "allowedNamespaces": null } }))
        .await?;
    wait::wait_for(
        &buckets,
        "shared",
        "no longer allowed",
        PATIENCE,
        reason("NotAllowed"),
    )
    .await?;
    buckets.delete("shared", &DeleteParams::default()).await?;
    wait::wait_gone(&buckets, "shared", PATIENCE).await?;
    assert_eq!(
        scene
            .aws
            .proxy()
            .counts()
            .about(Verb::Write, "DeleteBucket"),
        1,
        "what was allowed is taken down"
    );
    operator.stop().await
}

#[tokio::test]
async fn a_secret_of_another_namespace_is_not_read() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene
        .create::<AWSProvider>(json!({
            "kind": "AWSProvider",
            "metadata": { "name": "borrower" },
            "spec": {
                "region": "eu-central-1",
                "credentialsSecret": { "name": "account", "namespace": "kube-system" },
            },
        }))
        .await?;
    let refused = scene
        .refused::<AWSProvider>("borrower", "NotAllowed")
        .await?;
    assert!(
        message(&refused).contains("kube-system"),
        "{}",
        message(&refused)
    );
    assert_eq!(scene.api.proxy().counts().about(Verb::Read, "secrets"), 0);
    operator.stop().await
}

#[tokio::test]
async fn an_endpoint_that_the_operator_does_not_allow_is_refused() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator_with(&["--allowed-endpoints=https://elsewhere.example"])?;
    scene.provider("account").await?;
    let refused = scene
        .refused::<AWSProvider>("account", "EndpointNotAllowed")
        .await?;
    assert!(
        message(&refused).contains("ALLOWED_ENDPOINTS"),
        "{}",
        message(&refused)
    );
    assert!(scene.aws.proxy().requests().is_empty());
    operator.stop().await
}

#[tokio::test]
async fn a_provider_stays_until_nothing_needs_it_even_if_its_secret_has_gone() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("last", "account", json!({})).await?;
    scene.ready::<S3Bucket>("last").await?;

    scene
        .api_of::<Secret>()
        .delete("account", &DeleteParams::default())
        .await?;
    scene.delete::<AWSProvider>("account").await?;
    let kept = scene.refused::<AWSProvider>("account", "InUse").await?;
    assert!(message(&kept).contains("last"), "{}", message(&kept));
    scene.delete::<S3Bucket>("last").await?;
    scene.gone::<S3Bucket>("last").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert_eq!(
        scene
            .aws
            .proxy()
            .counts()
            .about(Verb::Write, "DeleteBucket"),
        1
    );
    operator.stop().await
}

#[tokio::test]
async fn a_namespace_with_provider_secret_and_buckets_ends_clean() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    for name in ["one", "two", "three"] {
        scene
            .bucket(
                name,
                "account",
                json!({ "versioning": { "enabled": true } }),
            )
            .await?;
    }
    for name in ["one", "two", "three"] {
        scene.ready::<S3Bucket>(name).await?;
    }
    scene.namespace.delete().await?;
    assert_eq!(
        scene
            .aws
            .proxy()
            .counts()
            .about(Verb::Write, "DeleteBucket"),
        3
    );
    operator.stop().await
}

#[tokio::test]
async fn an_operator_that_comes_back_finishes_a_providers_deletion() -> Result<()> {
    let scene = Scene::new("provider").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("left", "account", json!({})).await?;
    scene.ready::<S3Bucket>("left").await?;
    operator.crash().await;
    scene.delete::<AWSProvider>("account").await?;
    scene.delete::<S3Bucket>("left").await?;

    let operator = scene.operator()?;
    scene.gone::<S3Bucket>("left").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert_eq!(
        scene
            .aws
            .proxy()
            .counts()
            .about(Verb::Write, "DeleteBucket"),
        1
    );
    operator.stop().await
}

#[tokio::test]
async fn credentials_that_aws_refuses_stop_the_provider_and_nobody_else() -> Result<()> {
    let scene = Scene::new("provider").await?;
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
    let scene = Scene::new("provider").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let seldom = [UNHURRIED, &["--reconcile-interval=1h", &setting]].concat();
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
