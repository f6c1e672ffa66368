//! What would be done, shown instead of done.

mod scene;

use anyhow::Result;
use crd_types::{
    aws::v1alpha1::S3Bucket,
    lifecycle::{Plan, PlannedAction},
};
use harness::proxy::Verb;
use kube::ResourceExt;
use scene::{Scene, outside::pairs, ready_message};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_observed_is_planned_and_done_only_when_it_is_managed() -> Result<()> {
    let scene = Scene::new("observe").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let tags: Value = (0..40)
        .map(|n| (format!("k{n:02}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let wish = json!({ "mode": "Observe", "versioning": { "enabled": true }, "tags": tags });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "Planned").await?;
    let plan = plan(&bucket).expect("a plan");
    assert_eq!(plan.action, PlannedAction::Create);
    // Forty tags, those of the mark, and versioning.
    assert_eq!(plan.changes.fields.len(), 32);
    assert_eq!(plan.changes.omitted, 40 + 5 + 1 - 32);
    let message = ready_message(&bucket);
    assert!(message.contains("set Manage"), "{message}");
    assert_eq!(bucket.finalizers(), [""; 0]);
    assert_eq!(
        bucket.status.as_ref().and_then(|it| it.record.clone()),
        None
    );
    let name = scene.bucket_name("data");
    assert!(!scene.somebody.exists(&name).await?);
    assert_eq!(writes(&scene), [""; 0]);

    edit(&scene, json!({ "mode": "Manage" })).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(self::plan(&bucket), None);
    let has = scene.somebody.has(&name).await?;
    assert_eq!(
        (has.versioning.as_deref(), has.tags.len()),
        (Some("Enabled"), 40)
    );

    // What is in force has no plan, and what is edited then has one.
    scene.aws.proxy().clear();
    edit(&scene, json!({ "mode": "Observe" })).await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(self::plan(&bucket), None);
    edit(&scene, json!({ "versioning": { "enabled": false } })).await?;
    let bucket = scene.refused::<S3Bucket>("data", "Planned").await?;
    let update = self::plan(&bucket).expect("a plan");
    assert_eq!(update.action, PlannedAction::Update);
    assert_eq!(update.changes.omitted, 0);
    let field = &update.changes.fields[0];
    let shown = [&field.field, &field.found, &field.wanted];
    assert_eq!(shown, ["versioning.enabled", "true", "false"]);
    scene.event::<S3Bucket>("data", "Planned").await?;

    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.event::<S3Bucket>("data", "LeftAlone").await?;
    assert_eq!(writes(&scene), [""; 0]);
    assert_eq!(scene.somebody.has(&name).await?, has);
    operator.stop().await
}

#[tokio::test]
async fn a_dry_run_shows_what_adoption_would_change() -> Result<()> {
    let scene = Scene::new("dry-run").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let name = scene.bucket_name("data");
    scene.somebody.create(&name).await?;
    let tags = pairs([("created-by", "hand")]);
    scene.somebody.set_tags(&name, &tags).await?;
    let before = scene.somebody.has(&name).await?;
    let wish = json!({ "tags": { "team": "new" }, "versioning": { "enabled": true } });
    scene.bucket("data", "account", wish).await?;
    scene.refused::<S3Bucket>("data", "NotManaged").await?;

    adopt(&scene, "dry-run").await?;
    let bucket = scene.refused::<S3Bucket>("data", "AdoptionPlanned").await?;
    let plan = plan(&bucket).expect("a plan");
    assert_eq!(plan.action, PlannedAction::Adopt);
    let line = |field: &str| {
        let mut fields = plan.changes.fields.iter();
        let found = fields.find(|it| it.field == field);
        found.map(|it| (it.found.clone(), it.wanted.clone()))
    };
    let says = |found: &str, wanted: &str| Some((found.to_owned(), wanted.to_owned()));
    assert_eq!(line("tags.created-by"), says("hand", "unset"));
    assert_eq!(line("tags.team"), says("unset", "new"));
    assert_eq!(line("versioning.enabled"), says("false", "true"));
    assert!(ready_message(&bucket).contains("set it to true"));
    assert_eq!(bucket.finalizers(), [""; 0]);
    assert_eq!(writes(&scene), [""; 0]);
    assert_eq!(scene.somebody.has(&name).await?, before);

    adopt(&scene, "yes").await?;
    let bucket = scene
        .refused::<S3Bucket>("data", "InvalidAnnotation")
        .await?;
    let message = ready_message(&bucket);
    assert!(
        message.contains("\"yes\"") && message.contains("dry-run"),
        "{message}"
    );
    assert_eq!(writes(&scene), [""; 0]);

    adopt(&scene, "true").await?;
    let bucket = scene.ready::<S3Bucket>("data").await?;
    assert_eq!(self::plan(&bucket), None);
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "new")]));
    assert_eq!(has.versioning.as_deref(), Some("Enabled"));

    // What is adopted stays so.
    adopt(&scene, "dry-run").await?;
    edit(&scene, json!({ "tags": { "team": "newer" } })).await?;
    scene.ready::<S3Bucket>("data").await?;
    let has = scene.somebody.has(&name).await?;
    assert_eq!(has.tags, pairs([("team", "newer")]));
    operator.stop().await
}

#[tokio::test]
async fn a_plan_says_what_would_be_refused() -> Result<()> {
    let scene = Scene::new("blind").await?;
    let operator = scene.operator_with(&["--installation-id=before"])?;
    scene.provider("account").await?;
    let wish = json!({
        "versioning": { "enabled": true }, "objectLock": { "enabled": true }, "deletionPolicy": "Retain",
    });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.aws.proxy().clear();

    // The same name again, in an installation that may be another cluster's, and a wish that knows nothing of the lock.
    let wish = json!({ "mode": "Observe", "versioning": { "enabled": false } });
    scene.bucket("data", "account", wish).await?;
    let bucket = scene.refused::<S3Bucket>("data", "Planned").await?;
    assert_eq!(
        plan(&bucket).expect("a plan").action,
        PlannedAction::TakeBack
    );
    let message = ready_message(&bucket);
    for part in ["KeptByEarlier", "OneWay", "objectLock"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let status = bucket.status.unwrap_or_default();
    let versioning = status.facets.iter().find(|it| it.name == "versioning");
    let code = versioning.and_then(|it| it.code.as_deref());
    assert_eq!(code, Some("InvalidBucketState"));

    adopt(&scene, "true").await?;
    edit(&scene, json!({ "versioning": { "enabled": true } })).await?;
    scene.request_pass::<S3Bucket>("data").await?;
    let bucket = scene.refused::<S3Bucket>("data", "Planned").await?;
    let message = ready_message(&bucket);
    assert!(!message.contains("refused"), "{message}");
    assert_eq!(writes(&scene), [""; 0]);
    edit(&scene, json!({ "mode": "Manage" })).await?;
    scene.ready::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn what_would_stay_gone_is_not_planned_to_be_created() -> Result<()> {
    let scene = Scene::new("gone").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let wish = json!({ "drift": { "policy": "Report" } });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.somebody.delete(&scene.bucket_name("data")).await?;
    edit(&scene, json!({ "mode": "Observe" })).await?;
    let bucket = scene.refused::<S3Bucket>("data", "Drifted").await?;
    assert_eq!(plan(&bucket), None);
    assert!(ready_message(&bucket).contains("not created again"));
    operator.stop().await
}

fn plan(bucket: &S3Bucket) -> Option<Plan> {
    bucket.status.clone().unwrap_or_default().upkeep.plan
}

fn writes(scene: &Scene) -> Vec<String> {
    let requests = scene.aws.proxy().requests();
    let written = requests.iter().filter(|it| it.call.verb == Verb::Write);
    written.map(|it| it.call.about.clone()).collect()
}

async fn edit(scene: &Scene, spec: Value) -> Result<()> {
    let patch = json!({ "spec": spec });
    scene.patch::<S3Bucket>("data", patch).await?;
    Ok(())
}

async fn adopt(scene: &Scene, value: &str) -> Result<()> {
    let key = "aws-infra-operator.runner.codes/adopt";
    let patch = json!({ "metadata": { "annotations": { key: value } } });
    scene.patch::<S3Bucket>("data", patch).await?;
    Ok(())
}
