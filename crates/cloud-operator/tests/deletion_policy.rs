//! Who may say what becomes of a bucket at deletion, and how it is shown.

mod scene;

use anyhow::Result;
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket},
    lifecycle::{DeletionPolicy, DeletionPolicySource},
};
use harness::{
    proxy::{
        Action, Call, Gate, Outcome, Point, Rule,
        kubernetes::{Attributes, no_streamed_lists, refusal},
    },
    wait,
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use scene::{PATIENCE, Scene, UNHURRIED, lifecycle, ready_message};
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

/// Each takes several calls, of which one a second is made.
#[tokio::test]
async fn whoever_waits_for_his_turn_has_the_mark_taken_off_all_the_same() -> Result<()> {
    let scene = Scene::new("in-line").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        let wish = json!({ "deletionPolicy": "Orphan" });
        scene.bucket(name, "account", wish).await?;
    }
    for name in names {
        scene.ready::<S3Bucket>(name).await?;
    }
    operator.stop().await?;
    let slow = ["--aws-call-rate=1", "--aws-call-burst=1"];
    let operator = scene.operator_with(&[UNHURRIED, &slow].concat())?;
    // While a call is under way, its object's own time passes, which is short.
    let proxy = scene.aws.proxy().clone();
    let _hurry = operator.hurried_while(move || {
        let requests = proxy.requests();
        !requests.iter().any(|it| it.outcome == Outcome::Pending)
    });
    // What it has not looked at it does not wait for.
    scene.request_pass::<AWSProvider>("account").await?;
    for name in names {
        scene.delete::<S3Bucket>(name).await?;
    }
    for name in names {
        scene.gone::<S3Bucket>(name).await?;
        let left = scene.somebody.has(&scene.bucket_name(name)).await?;
        assert!(left.mark.is_empty(), "{name}: {left:?}");
    }
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

#[tokio::test]
async fn a_word_that_the_watch_is_yet_to_bring_counts_at_deletion() -> Result<()> {
    let scene = Scene::new("unheard").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    deafen(&scene);
    of_namespace(&scene, json!("Retain")).await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(scene.somebody.exists(&scene.bucket_name("data")).await?);
    scene.event::<S3Bucket>("data", "Retained").await?;

    of_namespace(&scene, json!("Delete")).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    operator.stop().await
}

#[tokio::test]
async fn nothing_is_deleted_while_the_namespace_cannot_be_read_unless_the_object_says_so()
-> Result<()> {
    let scene = Scene::new("unread").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    for name in ["data", "other"] {
        scene.bucket(name, "account", json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    let down = refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "no");
    let unread = Rule::when(|call| about_namespaces(call, "list"), Action::Answer(down));
    let unread = scene.api.proxy().rule(unread);
    for name in ["data", "other"] {
        scene.delete::<S3Bucket>(name).await?;
        let waiting = scene.refused::<S3Bucket>(name, "NamespaceNotRead").await?;
        let message = ready_message(&waiting);
        for part in [scene.namespace.name(), KEY, "abandon=true"] {
            assert!(message.contains(part), "{part} in {message}");
        }
        assert!(scene.somebody.exists(&scene.bucket_name(name)).await?);
    }
    let own = json!({ "metadata": { "annotations": { KEY: "Delete" } } });
    scene.patch::<S3Bucket>("data", own).await?;
    scene.gone::<S3Bucket>("data").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("data")).await?);
    unread.remove();
    scene.gone::<S3Bucket>("other").await?;
    assert!(!scene.somebody.exists(&scene.bucket_name("other")).await?);
    operator.stop().await
}

#[tokio::test]
async fn who_does_not_need_the_word_of_a_namespace_does_not_wait_for_it() -> Result<()> {
    let scene = Scene::new("unlisted").await?;
    // The namespace is not shown to the watch.
    let none = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": "1" }, "items": [],
    });
    let mut none = http::Response::new(none.to_string().into());
    let json = http::HeaderValue::from_static("application/json");
    none.headers_mut().insert(http::header::CONTENT_TYPE, json);
    let proxy = scene.api.proxy();
    proxy.rule(no_streamed_lists());
    let listing = |call: &Call| about_namespaces(call, "list");
    proxy.rule(Rule::when(listing, Action::Answer(none)).once());
    deafen(&scene);
    let held = json!({
        "kind": "S3Bucket",
        "metadata": {
            "name": "held",
            "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"],
            "annotations": { "aws-infra-operator.runner.codes/abandon": "true" },
        },
        "spec": { "providerRef": { "name": "account" }, "bucketName": scene.bucket_name("held") },
    });
    scene.create::<S3Bucket>(held).await?;
    scene.delete::<S3Bucket>("held").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.gone::<S3Bucket>("held").await?;
    scene.event::<S3Bucket>("held", "Abandoned").await?;

    let retain = json!({ "deletionPolicy": "Retain" });
    scene.bucket("said", "account", retain).await?;
    scene.bucket("unsaid", "account", json!({})).await?;
    let annotated = json!({
        "kind": "S3Bucket",
        "metadata": { "name": "annotated", "annotations": { KEY: "Delete" } },
        "spec": { "providerRef": { "name": "account" }, "bucketName": scene.bucket_name("annotated") },
    });
    scene.create::<S3Bucket>(annotated).await?;
    for name in ["said", "annotated"] {
        scene.ready::<S3Bucket>(name).await?;
        scene.delete::<S3Bucket>(name).await?;
        scene.gone::<S3Bucket>(name).await?;
        let is_kept = scene.somebody.exists(&scene.bucket_name(name)).await?;
        assert_eq!(is_kept, name == "said");
    }
    let unsaid = scene.buckets().get("unsaid").await?;
    assert_eq!(unsaid.status, None, "what is in force is not known yet");
    operator.stop().await
}

/// From now on the operator hears nothing of namespaces; asked, the API server answers as ever.
fn deafen(scene: &Scene) {
    let watching = |call: &Call| about_namespaces(call, "watch");
    let held = Action::Hold(Point::Before, Gate::new());
    scene.api.proxy().rule(Rule::when(watching, held));
    scene.api.proxy().cut_watches(watching);
}

fn about_namespaces(call: &Call, verb: &str) -> bool {
    Attributes::of(call).is_some_and(|of| of.resource == "namespaces" && of.verb == verb)
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
