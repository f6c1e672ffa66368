//! Deletions of many things at once, in whatever order they come: a provider and what it needs serve until the
//! last bucket is gone.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use futures::future::try_join_all;
use harness::{Namespace, wait};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::DeleteParams};
use scene::{PATIENCE, Running, Scene, ready_message};
use serde_json::json;

const BUCKETS: [&str; 8] = ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];

#[tokio::test]
async fn a_namespace_with_all_that_it_holds_goes_clean() -> Result<()> {
    let scene = Scene::new("whole").await?;
    let (_elsewhere, operator) = operator(&scene).await?;
    scene.provider("account").await?;
    let wishes = BUCKETS.map(|name| scene.bucket(name, "account", json!({})));
    try_join_all(wishes).await?;
    for name in BUCKETS {
        scene.ready::<S3Bucket>(name).await?;
    }
    scene.namespace.delete().await?;
    for name in BUCKETS {
        let name = scene.bucket_name(name);
        assert!(!scene.somebody.exists(&name).await?, "{name}");
    }
    operator.stop().await
}

#[tokio::test]
async fn a_namespace_deleted_while_buckets_are_being_made_goes_clean() -> Result<()> {
    let scene = Scene::new("midway").await?;
    let (_elsewhere, operator) = operator(&scene).await?;
    scene.provider("account").await?;
    let wishes = BUCKETS.map(|name| scene.bucket(name, "account", json!({})));
    try_join_all(wishes).await?;
    scene.ready::<S3Bucket>(BUCKETS[0]).await?;
    scene.namespace.delete().await?;
    for name in BUCKETS {
        let name = scene.bucket_name(name);
        assert!(!scene.somebody.exists(&name).await?, "{name}");
    }
    operator.stop().await
}

#[tokio::test]
async fn a_provider_stays_until_its_buckets_are_gone() -> Result<()> {
    let scene = Scene::new("in-use").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<AWSProvider>("account").await?;
    let waiting = scene.refused::<AWSProvider>("account", "InUse").await?;
    let message = ready_message(&waiting);
    let user = format!("{}/data", scene.namespace.name());
    assert!(message.contains(&user), "{message}");

    // Until then it serves.
    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_bucket_does_not_need_the_secret_that_went_before_it() -> Result<()> {
    let scene = Scene::new("secret-first").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    delete_secret(&scene).await?;
    scene
        .refused::<AWSProvider>("account", "WaitingForSecret")
        .await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_restart_amid_a_deletion_goes_on_with_it() -> Result<()> {
    let scene = Scene::new("restart").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.crash().await;
    scene.delete::<AWSProvider>("account").await?;
    scene.delete::<S3Bucket>("data").await?;
    // Without an election: the one that crashed holds the lease for a while yet.
    let operator = scene.operator_with(&["--leader-elect=false"])?;
    scene.gone::<S3Bucket>("data").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn without_secret_and_memory_there_is_a_way_out() -> Result<()> {
    let scene = Scene::new("no-memory").await?;
    let (elsewhere, operator) = operator(&scene).await?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await?;
    delete_secret(&scene).await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.delete::<S3Bucket>("data").await?;

    let operator = operator_in(&scene, &elsewhere)?;
    let waiting = scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    let message = ready_message(&waiting);
    let secret = format!("Secret {}/account", scene.namespace.name());
    for part in [secret.as_str(), "abandon=true"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let key = "aws-infra-operator.runner.codes/abandon";
    let patch = json!({ "metadata": { "annotations": { key: "true" } } });
    scene.patch::<S3Bucket>("data", patch).await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert!(scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_secret_that_comes_back_ends_a_deletion_that_waits_for_it() -> Result<()> {
    let scene = Scene::new("secret-back").await?;
    let (elsewhere, operator) = operator(&scene).await?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await?;
    delete_secret(&scene).await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.delete::<S3Bucket>("data").await?;

    let operator = operator_in(&scene, &elsewhere)?;
    scene
        .refused::<S3Bucket>("data", "ProviderNotReady")
        .await?;
    scene.keys("account", "AKIDEXAMPLE").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.gone::<AWSProvider>("account").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_provider_waits_for_buckets_of_other_namespaces() -> Result<()> {
    let scene = Scene::new("platform").await?;
    let team = scene.cluster.namespace("team").await?;
    let elsewhere = scene.cluster.namespace("lease").await?;
    let both = format!(
        "--watch-namespaces={},{}",
        scene.namespace.name(),
        team.name()
    );
    let lease = format!("--leader-election-namespace={}", elsewhere.name());
    let operator = scene.operator_with(&[&both, &lease])?;
    scene.provider("account").await?;
    let patch = json!({ "spec": { "allowedNamespaces": [team.name()] } });
    scene.patch::<AWSProvider>("account", patch).await?;
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
    let ready = |bucket: &S3Bucket| bucket.status.as_ref().is_some_and(|s| s.lifecycle.ready);
    wait::wait_for(&buckets, "data", "it is ready", PATIENCE, ready).await?;

    let leaving = {
        let namespace = scene.namespace.clone();
        tokio::spawn(async move { namespace.delete().await })
    };
    scene.refused::<AWSProvider>("account", "InUse").await?;
    assert!(scene.somebody.exists(&name).await?);
    buckets.delete("data", &DeleteParams::default()).await?;
    wait::wait_gone(&buckets, "data", PATIENCE).await?;
    leaving.await??;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

/// An operator whose lease is not in the namespace that goes.
async fn operator(scene: &Scene) -> Result<(Namespace, Running)> {
    let elsewhere = scene.cluster.namespace("lease").await?;
    let operator = operator_in(scene, &elsewhere)?;
    Ok((elsewhere, operator))
}

fn operator_in(scene: &Scene, elsewhere: &Namespace) -> Result<Running> {
    let lease = format!("--leader-election-namespace={}", elsewhere.name());
    scene.operator_with(&[&lease])
}

async fn delete_secret(scene: &Scene) -> Result<()> {
    let secrets = scene.api_of::<Secret>();
    secrets.delete("account", &DeleteParams::default()).await?;
    Ok(())
}
