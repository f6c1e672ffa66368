//! Providers: where credentials come from, what their loss stops, and who may use them.

mod scene;

use std::{io::Write, time::Duration};

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use futures::future::try_join_all;
use harness::{
    Moto,
    aws::refusal,
    proxy::{Action, Call, Rule, RuleHandle},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::DeleteParams};
use scene::{
    PATIENCE, Scene, lifecycle,
    outside::{ACCOUNT, OTHER_ACCOUNT, Somebody},
    ready_message,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_secret_that_does_not_exist_yet_is_waited_for() -> Result<()> {
    let scene = Scene::new("late-secret").await?;
    let operator = scene.operator()?;
    create(
        &scene,
        "late",
        json!({ "credentialsSecret": { "name": "late" } }),
    )
    .await?;
    scene.bucket("data", "late", json!({})).await?;
    let waiting = scene
        .refused::<AWSProvider>("late", "WaitingForSecret")
        .await?;
    let message = ready_message(&waiting);
    let secret = format!("Secret {}/late", scene.namespace.name());
    assert!(message.contains(&secret), "{message}");
    assert!(lifecycle(&waiting).condition("Reconciling").is_some());
    let waiting = scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    assert!(ready_message(&waiting).contains(&secret));

    scene.keys("late", "AKIALATE").await?;
    scene.ready::<AWSProvider>("late").await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_secret_that_lacks_a_key_is_told_by_the_keys_name() -> Result<()> {
    let scene = Scene::new("bad-secret").await?;
    let operator = scene.operator()?;
    let secret: Secret = serde_json::from_value(json!({
        "metadata": { "name": "account" },
        "stringData": { "AWS_ACCESS_KEY_ID": "AKIACANARY", "SECRET": "canary" },
    }))?;
    let secrets = scene.api_of::<Secret>();
    secrets.create(&Default::default(), &secret).await?;
    create(
        &scene,
        "account",
        json!({ "credentialsSecret": { "name": "account" } }),
    )
    .await?;
    let refused = scene
        .refused::<AWSProvider>("account", "InvalidSecret")
        .await?;
    let message = ready_message(&refused);
    assert!(message.contains("AWS_SECRET_ACCESS_KEY"), "{message}");
    assert!(!message.to_lowercase().contains("canary"), "{message}");
    scene.keys("account", "AKIAWHOLE").await?;
    scene.ready::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_rotated_secret_is_in_use_at_once() -> Result<()> {
    let scene = Scene::new("rotated").await?;
    let operator = scene.operator()?;
    let moto = Moto::shared().await?;
    let users = [scene.bucket_name("old"), scene.bucket_name("new")];
    let [old, new] = [moto.user(&users[0]).await?, moto.user(&users[1]).await?];
    scene.keys("account", &old.id).await?;
    create(
        &scene,
        "account",
        json!({ "credentialsSecret": { "name": "account" } }),
    )
    .await?;
    let before = scene.ready::<AWSProvider>("account").await?;
    let identity = |provider: &AWSProvider| {
        let status = provider.status.clone().unwrap_or_default();
        status.caller_identity.unwrap_or_default()
    };
    let arn = |user: &str| format!("arn:aws:iam::{ACCOUNT}:user/{user}");
    assert_eq!(identity(&before), arn(&users[0]));

    // What changes nothing moves no time.
    let again = scene.request_pass::<AWSProvider>("account").await?;
    let time = |provider: &AWSProvider| {
        let status = provider.status.clone().unwrap_or_default();
        status.last_authentication_time
    };
    assert!(time(&before).is_some());
    assert_eq!(time(&again), time(&before));

    // Times in a status have whole seconds.
    operator.clock.advance(Duration::from_secs(2));
    scene.keys("account", &new.id).await?;
    let renewed = wait::wait_for(
        &scene.providers(),
        "account",
        "the new key is in use",
        PATIENCE,
        |provider: &AWSProvider| identity(provider) == arn(&users[1]),
    )
    .await?;
    assert!(time(&renewed) > time(&before));
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn keys_that_aws_does_not_know_stop_all_buckets_as_one() -> Result<()> {
    let scene = Scene::new("unknown-keys").await?;
    let refusing = refuse_keys(&scene);
    // Without an election: a clock that leaps ahead would cost the lease.
    let operator = scene.operator_with(&["--leader-elect=false"])?;
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
    let asked = || scene.aws.proxy().requests();
    scene.aws.proxy().clear();
    for tries in 1..=5 {
        operator.clock.advance(Duration::from_secs(6 * 60));
        wait::until("another look at the credentials", PATIENCE, || async {
            asked().len() >= tries
        })
        .await?;
    }
    // A look every few minutes by the provider, whatever the number of its buckets.
    let about: Vec<String> = asked()
        .into_iter()
        .map(|it| it.call.about.clone())
        .collect();
    assert!(
        about.iter().all(|it| it == "GetCallerIdentity"),
        "{about:?}"
    );
    assert!(about.len() <= 2 * 5, "{about:?}");

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

#[tokio::test]
async fn another_namespace_needs_leave() -> Result<()> {
    let scene = Scene::new("owner").await?;
    let team = scene.cluster.namespace("team").await?;
    let both = format!(
        "--watch-namespaces={},{}",
        scene.namespace.name(),
        team.name()
    );
    let operator = scene.operator_with(&[&both])?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let name = scene.bucket_name("data");
    let bucket: S3Bucket = serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1",
        "kind": "S3Bucket",
        "metadata": { "name": "data" },
        "spec": {
            "providerRef": { "name": "account", "namespace": scene.namespace.name() },
            "bucketName": name,
        },
    }))?;
    let buckets: Api<S3Bucket> = team.api()?;
    buckets.create(&Default::default(), &bucket).await?;
    let is = |ready: bool, reason: &'static str| {
        move |bucket: &S3Bucket| {
            let lifecycle = lifecycle(bucket);
            lifecycle.ready == ready && scene::ready_reason(bucket) == reason
        }
    };
    let not_allowed = is(false, "NotAllowed");
    let refused = wait::wait_for(&buckets, "data", "NotAllowed", PATIENCE, not_allowed).await?;
    let message = ready_message(&refused);
    for part in [team.name(), "spec.allowedNamespaces"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(!scene.somebody.exists(&name).await?);

    let allow = |allowed: Value| json!({ "spec": { "allowedNamespaces": allowed } });
    let patch = allow(json!([team.name()]));
    scene.patch::<AWSProvider>("account", patch).await?;
    wait::wait_for(
        &buckets,
        "data",
        "it is ready",
        PATIENCE,
        is(true, "BucketReady"),
    )
    .await?;

    // Whoever may no longer use it may still take down what he has.
    scene
        .patch::<AWSProvider>("account", allow(json!([])))
        .await?;
    let not_allowed = is(false, "NotAllowed");
    wait::wait_for(&buckets, "data", "NotAllowed", PATIENCE, not_allowed).await?;
    buckets.delete("data", &DeleteParams::default()).await?;
    wait::wait_gone(&buckets, "data", PATIENCE).await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_secret_of_another_namespace_is_not_read() -> Result<()> {
    let scene = Scene::new("thief").await?;
    let victim = scene.cluster.namespace("victim").await?;
    let operator = scene.operator()?;
    let secret = json!({ "name": "account", "namespace": victim.name() });
    create(&scene, "account", json!({ "credentialsSecret": secret })).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "NotAllowed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        "spec.credentialsSecret.namespace",
        victim.name(),
        scene.namespace.name(),
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let path = format!("/api/v1/namespaces/{}/secrets", victim.name());
    let requests = scene.api.proxy().requests();
    assert!(!requests.iter().any(|it| it.call.path.starts_with(&path)));
    operator.stop().await
}

#[tokio::test]
async fn an_endpoint_is_used_only_where_the_operator_allows_it() -> Result<()> {
    let scene = Scene::new("endpoint").await?;
    let operator = scene.operator_with(&["--allowed-endpoints=https://minio.example:9000"])?;
    scene.provider("account").await?;
    let refused = scene
        .refused::<AWSProvider>("account", "EndpointNotAllowed")
        .await?;
    let message = ready_message(&refused);
    for part in [
        &*scene.aws.url(),
        "https://minio.example:9000",
        "ALLOWED_ENDPOINTS",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    operator.stop().await?;

    let operator = scene.operator_with(&["--allow-http-endpoints=false"])?;
    wait::wait_for(
        &scene.providers(),
        "account",
        "it is refused as plain http",
        PATIENCE,
        |provider: &AWSProvider| ready_message(provider).contains("ALLOW_HTTP_ENDPOINTS"),
    )
    .await?;
    assert_eq!(scene.aws.proxy().requests().len(), 0);
    operator.stop().await?;

    let operator = scene.operator()?;
    scene.ready::<AWSProvider>("account").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_role_is_assumed_with_the_keys_and_works_in_its_account() -> Result<()> {
    let scene = Scene::new("hop").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIAHOP").await?;
    let spec = json!({
        "credentialsSecret": { "name": "keys" },
        "assumeRoleARN": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/tenant"),
        "externalID": "agreed",
    });
    create(&scene, "account", spec).await?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let status = provider.status.unwrap_or_default();
    assert_eq!(status.account_id.as_deref(), Some(OTHER_ACCOUNT));
    let identity = status.caller_identity.unwrap_or_default();
    let role = format!("arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/tenant/");
    assert!(identity.starts_with(&role), "{identity}");
    let assumed = scene
        .aws
        .proxy()
        .settled(|call| call.about == "AssumeRole")
        .await;
    let form = String::from_utf8_lossy(&assumed.call.body).into_owned();
    assert!(form.contains("ExternalId=agreed"), "{form}");

    scene.bucket("data", "account", json!({})).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    let account = bucket.status.and_then(|status| status.account_id);
    assert_eq!(account.as_deref(), Some(OTHER_ACCOUNT));
    let tenant = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
    tenant.has(&scene.bucket_name("data")).await?;
    operator.stop().await
}

#[tokio::test]
async fn the_pods_own_token_is_exchanged_for_a_role() -> Result<()> {
    let scene = Scene::new("web-identity").await?;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/operator");
    let spec = json!({ "roleARN": role });

    let operator = scene.operator()?;
    create(&scene, "account", spec).await?;
    let refused = scene
        .refused::<AWSProvider>("account", "AuthenticationFailed")
        .await?;
    let message = ready_message(&refused);
    assert!(message.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{message}");
    operator.stop().await?;

    let mut token = tempfile::NamedTempFile::new()?;
    token.write_all(b"token-of-the-pod")?;
    let file = format!("--web-identity-token-file={}", token.path().display());
    let operator = scene.operator_with(&[&file])?;
    let provider = scene.ready::<AWSProvider>("account").await?;
    let identity = provider.status.and_then(|status| status.caller_identity);
    let identity = identity.unwrap_or_default();
    let assumed = format!("arn:aws:sts::{ACCOUNT}:assumed-role/operator/");
    assert!(identity.starts_with(&assumed), "{identity}");
    let exchange = |call: &Call| call.about == "AssumeRoleWithWebIdentity";
    let exchanged = scene.aws.proxy().settled(exchange).await;
    let form = String::from_utf8_lossy(&exchanged.call.body).into_owned();
    assert!(form.contains("WebIdentityToken=token-of-the-pod"), "{form}");
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

/// A provider before the scene's AWS.
async fn create(scene: &Scene, name: &str, spec: Value) -> Result<AWSProvider> {
    let mut whole = json!({ "region": "eu-central-1", "endpoint": scene.aws.url() });
    for (field, value) in spec.as_object().into_iter().flatten() {
        whole[field] = value.clone();
    }
    let object = json!({ "kind": "AWSProvider", "metadata": { "name": name }, "spec": whole });
    scene.create(object).await
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
