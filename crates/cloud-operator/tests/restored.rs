//! The same name again: an object that was created anew, restored, or moved with its cluster, and its bucket.

mod scene;

use std::collections::BTreeMap;

use anyhow::Result;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::{proxy::Verb, wait};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use scene::{PATIENCE, Scene, ready_message, ready_reason};
use serde_json::{Value, json};

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

    adopt(&scene, "true").await?;
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
    taken_by_twin(&scene).await?;
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "TakenByTwin").await?;
    assert!(ready_message(&refused).contains("of-another"));
    assert_eq!(writes(&scene), [""; 0]);

    adopt(&scene, "true").await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.mark.get("uid"), own.as_ref());
    operator.stop().await
}

#[tokio::test]
async fn a_consent_that_stands_takes_a_bucket_but_once() -> Result<()> {
    let scene = Scene::new("consent").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    adopt(&scene, "true").await?;
    let own = scene.ready::<S3Bucket>("data").await?.uid();

    // The twin does likewise.
    taken_by_twin(&scene).await?;
    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "TakenByTwin").await?;
    let message = ready_message(&refused);
    for part in ["of-another", "status.record.adopted", "adopt=true"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    // Nor after a restart.
    operator.stop().await?;
    let operator = scene.operator()?;
    scene.request_pass::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "TakenByTwin").await?;
    assert_eq!(writes(&scene), [""; 0]);

    // Given anew it counts again, and again once.
    for withdrawn in ["false", "no such word"] {
        adopt(&scene, withdrawn).await?;
        let forgotten = |bucket: &S3Bucket| !has_adopted(bucket);
        let buckets = scene.buckets();
        wait::wait_for(&buckets, "data", "it is over", PATIENCE, forgotten).await?;
        adopt(&scene, "true").await?;
        wait::wait_for(&buckets, "data", "it is back", PATIENCE, |bucket| {
            has_adopted(bucket) && ready_reason(bucket) == "BucketReady"
        })
        .await?;
        let has = scene.somebody.has(&name).await?;
        assert_eq!(has.mark.get("uid"), own.as_ref());
        taken_by_twin(&scene).await?;
        scene.request_pass::<S3Bucket>("data").await?;
        scene.refused::<S3Bucket>("data", "TakenByTwin").await?;
    }
    operator.stop().await
}

#[tokio::test]
async fn a_consent_that_was_used_says_nothing_of_a_mark_that_is_lost() -> Result<()> {
    let scene = Scene::new("used").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    scene.bucket("data", "account", json!({})).await?;
    adopt(&scene, "true").await?;
    scene.ready::<S3Bucket>("data").await?;
    let buckets = scene.buckets();
    wait::wait_for(&buckets, "data", "it is noted", PATIENCE, has_adopted).await?;
    scene.somebody.set_tags(&name, &BTreeMap::new()).await?;

    scene.aws.proxy().clear();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;
    scene.delete::<S3Bucket>("data").await?;
    let refused = scene.refused::<S3Bucket>("data", "MarkLost").await?;
    let message = ready_message(&refused);
    assert!(message.contains("status.record.adopted"), "{message}");
    assert_eq!(writes(&scene), [""; 0]);

    // Given anew, also while it is being deleted.
    adopt(&scene, "false").await?;
    let forgotten = |bucket: &S3Bucket| !has_adopted(bucket);
    wait::wait_for(&buckets, "data", "it is over", PATIENCE, forgotten).await?;
    adopt(&scene, "true").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&name).await?);
    operator.stop().await
}

#[tokio::test]
async fn a_restored_status_speaks_of_another_object() -> Result<()> {
    let scene = Scene::new("restored").await?;
    scene.provider("account").await?;
    let operator = scene.operator()?;
    retained(&scene, "kept").await?;
    operator.stop().await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let before = scene.somebody.has(&name).await?;
    let object = json!({
        "kind": "S3Bucket",
        "metadata": {
            "name": "data",
            "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
            "annotations": { "aws-infra-operator.runner.codes/adopt": "true" },
        },
        "spec": { "providerRef": { "name": "account" }, "bucketName": name },
    });
    scene.create::<S3Bucket>(object).await?;
    let status = |bucket: &str, uid: &str| {
        json!({ "status": { "record": {
            "bucketName": bucket, "accountID": "123456789012", "region": "eu-central-1", "partition": "aws",
            "objectUID": uid, "created": true,
            "ownedFacets": ["tags", "versioning"], "settledFacets": { "versioning": "0011223344556677" },
        } } })
    };
    patch_status(&scene, "data", status(&name, "of-the-earlier-one")).await?;
    scene.delete::<S3Bucket>("data").await?;

    // What carries the earlier one's mark goes with it, as it would have been taken back.
    let kept = scene.bucket_name("kept");
    let uid = scene.somebody.has(&kept).await?.mark["uid"].clone();
    let object = json!({
        "kind": "S3Bucket",
        "metadata": {
            "name": "kept", "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
        },
        "spec": { "providerRef": { "name": "account" }, "bucketName": kept },
    });
    scene.create::<S3Bucket>(object).await?;
    patch_status(&scene, "kept", status(&kept, &uid)).await?;
    scene.delete::<S3Bucket>("kept").await?;

    // One whose bucket is gone makes its own, though drift is only reported.
    let gone = scene.bucket_name("gone");
    let wish = json!({ "drift": { "policy": "Report" } });
    scene.bucket("gone", "account", wish).await?;
    patch_status(&scene, "gone", status(&gone, "of-the-earlier-one")).await?;

    let operator = scene.operator()?;
    scene.gone::<S3Bucket>("data").await?;
    scene.event::<S3Bucket>("data", "LeftAlone").await?;
    assert_eq!(scene.somebody.has(&name).await?, before);
    scene.gone::<S3Bucket>("kept").await?;
    assert!(!scene.somebody.exists(&kept).await?);
    scene.ready::<S3Bucket>("gone").await?;
    scene.event::<S3Bucket>("gone", "Created").await?;
    assert!(scene.somebody.exists(&gone).await?);
    operator.stop().await
}

/// As after a restore from a backup that has no statuses.
#[tokio::test]
async fn without_a_status_the_mark_tells_what_an_object_had() -> Result<()> {
    let scene = Scene::new("no-status").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("own", "account", json!({})).await?;
    scene.ready::<S3Bucket>("own").await?;
    retained(&scene, "before").await?;
    operator.stop().await?;
    let no_record = json!({ "status": { "record": null } });
    patch_status(&scene, "own", no_record).await?;
    let (strange, absent) = (scene.bucket_name("strange"), scene.bucket_name("absent"));
    scene.somebody.create(&strange).await?;
    let has = scene.somebody.has(&strange).await?;
    for name in ["before", "strange", "absent"] {
        let object = json!({
            "kind": "S3Bucket",
            "metadata": {
                "name": name, "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
            },
            "spec": { "providerRef": { "name": "account" }, "bucketName": scene.bucket_name(name) },
        });
        scene.create::<S3Bucket>(object).await?;
    }
    let names = ["own", "before", "strange", "absent", "orphan"];
    // Whoever lets what he has go waits for no provider.
    let orphan = json!({
        "kind": "S3Bucket",
        "metadata": {
            "name": "orphan", "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
        },
        "spec": {
            "providerRef": { "name": "nobody" }, "bucketName": absent, "deletionPolicy": "Orphan",
        },
    });
    scene.create::<S3Bucket>(orphan).await?;
    for name in names {
        scene.delete::<S3Bucket>(name).await?;
    }

    let operator = scene.operator()?;
    for name in names {
        scene.gone::<S3Bucket>(name).await?;
    }
    for name in ["own", "before"] {
        let bucket = scene.bucket_name(name);
        assert!(!scene.somebody.exists(&bucket).await?, "{name}");
    }
    scene.event::<S3Bucket>("strange", "LeftAlone").await?;
    assert_eq!(scene.somebody.has(&strange).await?, has);
    assert!(!scene.somebody.exists(&absent).await?);
    operator.stop().await
}

/// A twin of the object `data` marks its bucket.
async fn taken_by_twin(scene: &Scene) -> Result<()> {
    let name = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&name).await?;
    let uid = "aws-infra-operator.runner.codes/uid".to_owned();
    tags.insert(uid, "of-another".into());
    scene.somebody.set_tags(&name, &tags).await
}

async fn adopt(scene: &Scene, value: &str) -> Result<()> {
    let key = "aws-infra-operator.runner.codes/adopt";
    let adopt = json!({ "metadata": { "annotations": { key: value } } });
    scene.patch::<S3Bucket>("data", adopt).await?;
    Ok(())
}

fn has_adopted(bucket: &S3Bucket) -> bool {
    let status = serde_json::to_value(&bucket.status).unwrap_or_default();
    status["record"]["adopted"] == true
}

/// As whoever restores a backup does.
async fn patch_status(scene: &Scene, name: &str, status: Value) -> Result<()> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(status));
    scene.buckets().patch_status(name, &params, &patch).await?;
    Ok(())
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
