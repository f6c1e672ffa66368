//! Each permission that is missing is told by its name.

use anyhow::{Context, Result, ensure};
use cloud_operator::iam::{AWSPROVIDER, S3BUCKET, Statement, When};
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket},
    lifecycle::Managed,
};
use harness::{
    Moto,
    aws::{permission::permissions, refusal},
    proxy::{Action, Call, Rule, RuleHandle},
    wait,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    play::{Part, chain, fill, gone, parts, provider},
    scene::{
        PATIENCE, Scene, lifecycle,
        outside::{OTHER_ACCOUNT, Somebody},
        side_by_side,
    },
};

/// What is looked at if it may be, and not missed otherwise.
const UNTOLD: [&str; 1] = ["Foresight"];

/// A part of a bucket, and the actions that are taken from it one by one.
struct Trial {
    part: Part,
    actions: Vec<&'static str>,
}

#[tokio::test]
async fn each_missing_permission_of_a_bucket_is_told_by_name() -> Result<()> {
    let scene = Scene::new("iam-denied").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let trials = trials(&scene).await?;
    let tried = trials.iter();
    side_by_side(tried.map(|trial| (trial.part.name, try_all(&scene, trial)))).await?;
    operator.stop().await
}

/// Every action of every statement, with the part that needs it and as few others as can be.
async fn trials(scene: &Scene) -> Result<Vec<Trial>> {
    let mut parts = parts(scene).await?;
    parts.extend([
        Part::new("kept", json!({})),
        Part::new(
            "emptied",
            json!({ "emptyOnDelete": true, "versioning": { "enabled": true } }),
        ),
        Part::new("foreign", json!({})),
    ]);
    // Those with fewer fields first.
    parts.sort_by_key(|part| part.fields.len());
    let mut trials: Vec<Trial> = parts
        .into_iter()
        .map(|part| Trial {
            part,
            actions: Vec::new(),
        })
        .collect();
    for Statement {
        sid, when, actions, ..
    } in S3BUCKET
    {
        if UNTOLD.contains(sid) {
            continue;
        }
        let fits = |part: &Part| match (when, *sid) {
            (When::Always, _) => part.name == "plain",
            (When::Spec(field), _) => part.fields.iter().any(|it| it == field),
            (_, "Deletion") => part.name == "kept",
            (_, "Listing") => part.name == "foreign",
            _ => false,
        };
        let trial = trials.iter_mut().find(|it| fits(&it.part));
        let trial = trial.with_context(|| format!("nobody tries {sid}"))?;
        trial.actions.extend(actions.iter().map(|it| it.name));
    }
    Ok(trials)
}

async fn try_all(scene: &Scene, trial: &Trial) -> Result<()> {
    for action in &trial.actions {
        let told = is_told(scene, &trial.part, action).await;
        told.with_context(|| format!("without {action} for {:?}", trial.part.fields))?;
    }
    Ok(())
}

/// A bucket from which this is taken, from the beginning or when it is first needed: it says so. With the permission
/// it goes as if nothing had been.
async fn is_told(scene: &Scene, part: &Part, action: &'static str) -> Result<()> {
    let name = part.name;
    let denying = || deny(scene, scene.bucket_name(name), action);
    let create = || scene.bucket(name, "account", part.wish.clone());
    let ready = async || {
        create().await?;
        scene.ready::<S3Bucket>(name).await
    };
    let edit = |spec| scene.patch::<S3Bucket>(name, json!({ "spec": spec }));
    let rule = match action {
        "s3:ListBucket" => {
            ready().await?;
            let rule = denying();
            scene.request_pass::<S3Bucket>(name).await?;
            rule
        }
        "s3:PutBucketTagging" => {
            ready().await?;
            let rule = denying();
            edit(json!({ "tags": { "team": "b" } })).await?;
            rule
        }
        "s3:DeleteBucketPolicy" | "s3:DeleteBucketWebsite" => {
            ready().await?;
            let rule = denying();
            edit(part.removal.clone()).await?;
            rule
        }
        "s3:ListAllMyBuckets" => {
            let stranger = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
            stranger.create(&scene.bucket_name(name)).await?;
            let rule = denying();
            create().await?;
            rule
        }
        _ if ["kept", "emptied"].contains(&name) => {
            ready().await?;
            if part.wish["emptyOnDelete"] == true {
                fill(scene, name).await?;
            }
            let rule = denying();
            scene.delete::<S3Bucket>(name).await?;
            rule
        }
        _ => {
            let rule = denying();
            create().await?;
            rule
        }
    };
    told::<S3Bucket>(scene, name, action).await?;
    ensure!(rule.hits() > 0);
    let denied = scene.buckets().get(name).await?;
    rule.remove();
    // One that is on its way already would wait to try again.
    let hurried = scene.patch::<S3Bucket>(name, look_now()).await;
    match denied.metadata.deletion_timestamp {
        // It may be gone by now.
        Some(_) => scene.gone::<S3Bucket>(name).await,
        None => {
            hurried?;
            gone(scene, name).await
        }
    }
}

/// From now on no call about this bucket does what takes `action`.
fn deny(scene: &Scene, bucket: String, action: &'static str) -> RuleHandle {
    let concerns = move |call: &Call| {
        let named = call.path.trim_start_matches('/').split('/').next() == Some(&bucket);
        named || (call.about == "ListBuckets" && call.query.contains(&bucket))
    };
    let takes = move |call: &Call| {
        let taken = permissions(call).unwrap_or_default();
        taken.iter().any(|it| it.action == action)
    };
    // In words that do not name it.
    let denied = refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    let rule = Rule::when(
        move |call| concerns(call) && takes(call),
        Action::Answer(denied),
    );
    scene.aws.proxy().rule(rule)
}

fn look_now() -> Value {
    let asked = format!("{:x}", fastrand::u64(..));
    json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/reconcile-requested-at": asked,
    } } })
}

/// As a word of its own: one action's name is often the beginning of another's.
fn names(message: &str, action: &str) -> bool {
    let is_apart = |it: char| !it.is_ascii_alphanumeric() && it != ':';
    message.split(is_apart).any(|word| word == action)
}

async fn told<K: Managed>(scene: &Scene, name: &str, action: &str) -> Result<()> {
    let what = format!("it says that {action} is missing");
    let says = |object: &K| {
        let lifecycle = lifecycle(object);
        let ready = lifecycle.condition("Ready");
        ready.is_some_and(|it| it.status == "False" && names(&it.message, action))
    };
    wait::wait_for(&scene.api_of::<K>(), name, &what, PATIENCE, says).await?;
    Ok(())
}

#[tokio::test]
async fn each_missing_permission_of_a_provider_is_told_by_name() -> Result<()> {
    let scene = Scene::new("iam-roles").await?;
    let operator = scene.operator()?;
    scene.keys("keys", "AKIDEXAMPLE").await?;
    for action in AWSPROVIDER.iter().flat_map(|it| it.actions) {
        let action = action.name;
        let takes = move |call: &Call| {
            let taken = permissions(call).unwrap_or_default();
            taken.iter().any(|it| it.action == action)
        };
        let denied = refusal::query(StatusCode::FORBIDDEN, "AccessDenied", "not authorized");
        let rule = scene
            .aws
            .proxy()
            .rule(Rule::when(takes, Action::Answer(denied)));
        let name = action.replace(':', "-").to_lowercase();
        provider(&scene, &name, chain("keys")).await?;
        told::<AWSProvider>(&scene, &name, action).await?;
        rule.remove();
        scene.request_pass::<AWSProvider>(&name).await?;
        scene.ready::<AWSProvider>(&name).await?;
        scene.delete::<AWSProvider>(&name).await?;
        scene.gone::<AWSProvider>(&name).await?;
    }
    operator.stop().await
}
