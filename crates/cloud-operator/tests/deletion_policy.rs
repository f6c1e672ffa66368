//! Who may say what becomes of a bucket at deletion, and how it is shown.

mod scene;

use anyhow::Result;
use crd_types::{
    aws::v1alpha1::S3Bucket,
    lifecycle::{DeletionPolicy, DeletionPolicySource},
};
use harness::wait;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use scene::{PATIENCE, Scene, lifecycle, ready_message};
use serde_json::{Value, json};

const KEY: &str = "aws-infra-operator.runner.codes/deletion-policy";

#[tokio::test]
async fn the_nearest_word_counts_and_is_shown_with_its_source() -> Result<()> {
    use DeletionPolicy::{Delete, Orphan, Retain};
    let scene = Scene::new("policy").await?;
    let operator = scene.operator_with(&["--deletion-policy=Retain"])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    in_force(&scene, Retain, DeletionPolicySource::Operator).await?;
    // Heard by the watch alone.
    of_namespace(&scene, json!("Orphan")).await?;
    in_force(&scene, Orphan, DeletionPolicySource::Namespace).await?;
    let spec = json!({ "spec": { "deletionPolicy": "Delete" } });
    scene.patch::<S3Bucket>("data", spec).await?;
    in_force(&scene, Delete, DeletionPolicySource::Spec).await?;
    let own = json!({ "metadata": { "annotations": { KEY: "Retain" } } });
    scene.patch::<S3Bucket>("data", own).await?;
    in_force(&scene, Retain, DeletionPolicySource::Annotation).await?;
    let own =
        json!({ "metadata": { "annotations": { KEY: null } }, "spec": { "deletionPolicy": null } });
    scene.patch::<S3Bucket>("data", own).await?;
    in_force(&scene, Orphan, DeletionPolicySource::Namespace).await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let left = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert!(left.mark.is_empty(), "{left:?}");
    operator.stop().await
}

#[tokio::test]
async fn what_nobody_said_is_to_delete() -> Result<()> {
    let scene = Scene::new("default").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    in_force(
        &scene,
        DeletionPolicy::Delete,
        DeletionPolicySource::Default,
    )
    .await?;
    operator.stop().await
}

#[tokio::test]
async fn a_word_that_is_none_is_refused_where_it_stands_and_nothing_is_deleted() -> Result<()> {
    let scene = Scene::new("nonsense").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    of_namespace(&scene, json!("keep")).await?;
    let refused = scene
        .refused::<S3Bucket>("data", "InvalidAnnotation")
        .await?;
    let message = ready_message(&refused);
    for part in [
        KEY,
        "of the namespace",
        scene.namespace.name(),
        "\"keep\"",
        "Retain",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    scene.delete::<S3Bucket>("data").await?;
    scene.request_pass::<S3Bucket>("data").await?;
    assert!(scene.somebody.exists(&scene.bucket_name("data")).await?);
    of_namespace(&scene, Value::Null).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

async fn in_force(
    scene: &Scene,
    policy: DeletionPolicy,
    source: DeletionPolicySource,
) -> Result<()> {
    let what = format!("{policy} of {source} is in force");
    wait::wait_for(
        &scene.buckets(),
        "data",
        &what,
        PATIENCE,
        |bucket: &S3Bucket| {
            let upkeep = bucket.status.clone().unwrap_or_default().upkeep;
            lifecycle(bucket).deletion_policy == Some(policy)
                && upkeep.deletion_policy_source == Some(source)
        },
    )
    .await?;
    Ok(())
}

async fn of_namespace(scene: &Scene, policy: Value) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(scene.cluster.client()?);
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { KEY: policy } } }));
    let name = scene.namespace.name();
    namespaces
        .patch(name, &PatchParams::default(), &patch)
        .await?;
    Ok(())
}
