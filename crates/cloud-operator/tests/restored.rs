//! The same name again: an object that was created anew, restored, or moved with its cluster, and its bucket.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::proxy::Verb;
use kube::ResourceExt;
use scene::{Scene, ready_message};
use serde_json::json;

const BEFORE: &str = "--installation-id=before";

#[tokio::test]
async fn what_an_earlier_object_of_this_cluster_kept_is_taken_back() -> Result<()> {
    let scene = Scene::new("again").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    retained(&scene, "data").await?;
    let bucket = created_again(&scene, "data").await?;
    let uid = bucket.uid();
    scene.ready::<S3Bucket>("data").await?;
    let told = scene.event::<S3Bucket>("data", "TakenBack").await?;
    assert!(told.contains("UID"), "{told}");
    let has = scene.somebody.has(&scene.bucket_name("data")).await?;
    assert_eq!(has.mark.get("uid"), uid.as_ref());
    operator.stop().await
}

#[tokio::test]
async fn with_a_configured_installation_it_is_not_known_whose_it_is() -> Result<()> {
    let scene = Scene::new("configured").await?;
    let operator = scene.operator_with(&[BEFORE])?;
    scene.provider("account").await?;
    retained(&scene, "data").await?;
    let before = scene.somebody.has(&scene.bucket_name("data")).await?;
    scene.aws.proxy().clear();
    created_again(&scene, "data").await?;
    let refused = scene.refused::<S3Bucket>("data", "KeptByEarlier").await?;
    let message = ready_message(&refused);
    for way in ["adopt=true", "EARLIER_INSTALLATIONS", "installation before"] {
        assert!(message.contains(way), "{way} in {message}");
    }
    assert_eq!(writes(&scene), [""; 0]);
    assert_eq!(
        scene.somebody.has(&scene.bucket_name("data")).await?,
        before
    );

    let key = "aws-infra-operator.runner.codes/adopt";
    let adopt = json!({ "metadata": { "annotations": { key: "true" } } });
    scene.patch::<S3Bucket>("data", adopt).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_rebuilt_cluster_takes_back_all_that_the_earlier_one_had() -> Result<()> {
    let scene = Scene::new("rebuilt").await?;
    let operator = scene.operator_with(&[BEFORE])?;
    scene.provider("account").await?;
    for name in ["one", "two"] {
        retained(&scene, name).await?;
    }
    operator.stop().await?;
    let operator = scene.operator()?;
    for name in ["one", "two"] {
        created_again(&scene, name).await?;
        scene.refused::<S3Bucket>(name, "OwnedByAnother").await?;
    }
    operator.stop().await?;

    let operator = scene.operator_with(&["--earlier-installations=before,another"])?;
    for name in ["one", "two"] {
        let bucket = scene.ready::<S3Bucket>(name).await?;
        let told = scene.event::<S3Bucket>(name, "TakenBack").await?;
        assert!(told.contains("installation before"), "{told}");
        let has = scene.somebody.has(&scene.bucket_name(name)).await?;
        assert_eq!(has.mark.get("uid"), bucket.uid().as_ref());
        assert_ne!(has.mark.get("installation").unwrap(), "before");
    }
    operator.stop().await
}

#[tokio::test]
async fn what_a_living_twin_took_is_not_taken_back_by_itself() -> Result<()> {
    let scene = Scene::new("twin").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    let own = scene.ready::<S3Bucket>("data").await?.uid();
    let name = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&name).await?;
    let uid = "aws-infra-operator.runner.codes/uid".to_owned();
    tags.insert(uid, "of-another".into());
    scene.somebody.set_tags(&name, &tags).await?;
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "TakenByTwin").await?;
    assert!(ready_message(&refused).contains("of-another"));
    assert_eq!(writes(&scene), [""; 0]);

    let key = "aws-infra-operator.runner.codes/adopt";
    let adopt = json!({ "metadata": { "annotations": { key: "true" } } });
    scene.patch::<S3Bucket>("data", adopt).await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.mark.get("uid"), own.as_ref());
    operator.stop().await
}

/// A bucket that its object has left behind.
async fn retained(scene: &Scene, name: &str) -> Result<()> {
    created_again(scene, name).await?;
    scene.ready::<S3Bucket>(name).await?;
    scene.delete::<S3Bucket>(name).await?;
    scene.gone::<S3Bucket>(name).await?;
    assert!(scene.somebody.exists(&scene.bucket_name(name)).await?);
    Ok(())
}

async fn created_again(scene: &Scene, name: &str) -> Result<S3Bucket> {
    let wish = json!({ "deletionPolicy": "Retain" });
    scene.bucket(name, "account", wish).await
}

fn writes(scene: &Scene) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    let written = requests.iter().filter(|it| it.call.verb == Verb::Write);
    written.map(|it| it.call.about.clone()).collect()
}
