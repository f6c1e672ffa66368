//! Leave: which namespaces, Secrets and endpoints a provider may be used with.

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::wait;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    create,
    scene::{PATIENCE, Scene, lifecycle, ready_message, ready_reason},
};

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
            lifecycle.ready == ready && ready_reason(bucket) == reason
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

/// What the operator takes for its own in an object, whoever may create one can write.
#[tokio::test]
async fn a_finalizer_in_a_manifest_gives_no_leave() -> Result<()> {
    let scene = Scene::new("forged").await?;
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
    scene.somebody.create(&name).await?;
    let bucket: S3Bucket = serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1",
        "kind": "S3Bucket",
        "metadata": {
            "name": "data", "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
        },
        "spec": {
            "providerRef": { "name": "account", "namespace": scene.namespace.name() },
            "bucketName": name, "deletionPolicy": "Delete",
        },
    }))?;
    let buckets: Api<S3Bucket> = team.api()?;
    buckets.create(&Default::default(), &bucket).await?;
    buckets.delete("data", &DeleteParams::default()).await?;
    let refused = |bucket: &S3Bucket| {
        bucket.metadata.deletion_timestamp.is_some()
            && ready_reason(bucket) == "NotAllowed"
            && ready_message(bucket).contains("abandon=true")
    };
    let what = "its end is refused";
    wait::wait_for(&buckets, "data", what, PATIENCE, refused).await?;
    assert_eq!(scene.calls_about(&name), 0);
    let abandon = json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/abandon": "true",
    } } });
    let (params, abandon) = (PatchParams::default(), Patch::Merge(abandon));
    buckets.patch("data", &params, &abandon).await?;
    wait::wait_gone(&buckets, "data", PATIENCE).await?;
    assert_eq!(scene.calls_about(&name), 0);
    operator.stop().await
}

#[tokio::test]
async fn what_one_provider_made_gives_no_leave_for_another() -> Result<()> {
    let scene = Scene::new("tenant").await?;
    let platform = scene.cluster.namespace("platform").await?;
    let both = format!(
        "--watch-namespaces={},{}",
        scene.namespace.name(),
        platform.name()
    );
    let operator = scene.operator_with(&[&both])?;
    let keys: Secret = serde_json::from_value(json!({
        "metadata": { "name": "strong" },
        "stringData": { "AWS_ACCESS_KEY_ID": "AKIDSTRONG", "AWS_SECRET_ACCESS_KEY": "secret" },
    }))?;
    let secrets: Api<Secret> = platform.api()?;
    secrets.create(&Default::default(), &keys).await?;
    let strong: AWSProvider = serde_json::from_value(json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1",
        "kind": "AWSProvider",
        "metadata": { "name": "strong" },
        "spec": {
            "region": "eu-central-1", "endpoint": scene.aws.url(),
            "credentialsSecret": { "name": "strong" },
        },
    }))?;
    let providers: Api<AWSProvider> = platform.api()?;
    providers.create(&Default::default(), &strong).await?;
    let works = |provider: &AWSProvider| lifecycle(provider).ready;
    wait::wait_for(&providers, "strong", "it works", PATIENCE, works).await?;
    scene.provider("own").await?;
    scene.bucket("data", "own", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;

    let names = |provider: Value| json!({ "spec": { "providerRef": provider } });
    let other = names(json!({ "name": "strong", "namespace": platform.name() }));
    scene.patch::<S3Bucket>("data", other).await?;
    scene.delete::<S3Bucket>("data").await?;
    let refused = |bucket: &S3Bucket| {
        bucket.metadata.deletion_timestamp.is_some()
            && ready_reason(bucket) == "NotAllowed"
            && ready_message(bucket).contains("abandon=true")
    };
    let what = "its end is refused";
    wait::wait_for(&scene.buckets(), "data", what, PATIENCE, refused).await?;
    let requests = scene.aws.proxy().requests();
    let mut strong = requests.iter().filter(|it| it.call.signer == "AKIDSTRONG");
    assert!(strong.all(|it| it.call.about == "GetCallerIdentity"));

    let own = names(json!({ "name": "own", "namespace": null }));
    scene.patch::<S3Bucket>("data", own).await?;
    scene.gone::<S3Bucket>("data").await?;
    let name = scene.bucket_name("data");
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
