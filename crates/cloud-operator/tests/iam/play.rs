//! Plays in which everything happens that the operator ever does in AWS.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Moto,
    proxy::{Call, Recorded},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    cases::{Case, cases},
    scene::{
        PATIENCE, Running, Scene,
        outside::{ACCOUNT, OTHER_ACCOUNT, REGION, Somebody},
        side_by_side,
        wishes::taken_back,
    },
};

const HOUR: Duration = Duration::from_secs(3600);

/// A bucket that has some part, and what becomes of it.
pub struct Part {
    /// Name of the object.
    pub name: &'static str,
    /// The fields of its spec.
    pub fields: Vec<String>,
    /// The spec.
    pub wish: Value,
    /// What somebody else does to it: method, query, headers, body.
    drift: Option<(&'static str, &'static str, &'static str, String)>,
    /// The patch that removes it.
    pub removal: Value,
}

impl Part {
    pub fn new(name: &'static str, wish: Value) -> Self {
        let fields = wish.as_object().into_iter().flatten();
        Self {
            name,
            removal: taken_back(&wish),
            fields: fields.map(|(field, _)| field.clone()).collect(),
            wish,
            drift: None,
        }
    }

    fn of(case: Case) -> Self {
        Self {
            drift: Some(case.drift),
            removal: case.removal,
            ..Self::new(case.name, case.wish)
        }
    }
}

/// Every part of a bucket by itself, with what it cannot be without.
pub async fn parts(scene: &Scene) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = cases(scene).await?.into_iter().map(Part::of).collect();
    parts.extend([
        Part::new("plain", json!({})),
        Part::new("tags", json!({ "tags": { "team": "a" } })),
        Part::new("versioning", json!({ "versioning": { "enabled": true } })),
        Part::new(
            "encryption",
            json!({ "encryption": { "algorithm": "aws:kms", "kmsKeyID": "alias/data" } }),
        ),
        Part::new(
            "block",
            json!({ "publicAccessBlock": { "ignorePublicAcls": false } }),
        ),
        Part::new(
            "ownership",
            json!({ "ownershipControls": { "objectOwnership": "ObjectWriter" } }),
        ),
    ]);
    Ok(parts)
}

/// Each part is set, drifts, is corrected, removed, and its bucket deleted.
pub async fn lives(scene: &Scene, parts: &[Part]) -> Result<()> {
    side_by_side(parts.iter().map(|part| (part.name, live(scene, part)))).await
}

async fn live(scene: &Scene, part: &Part) -> Result<()> {
    let name = part.name;
    scene.bucket(name, "account", part.wish.clone()).await?;
    scene.ready::<S3Bucket>(name).await?;
    if let Some((method, query, headers, body)) = &part.drift {
        let path = format!("{}?{query}", scene.bucket_name(name));
        let done = scene.somebody.ask(method, &path, headers, body).await?;
        ensure!(done.starts_with("HTTP/1.1 2"), "{done}");
        scene.request_pass::<S3Bucket>(name).await?;
    }
    let removal = json!({ "spec": part.removal });
    scene.patch::<S3Bucket>(name, removal).await?;
    scene.ready::<S3Bucket>(name).await?;
    gone(scene, name).await
}

pub async fn gone(scene: &Scene, bucket: &str) -> Result<()> {
    scene.delete::<S3Bucket>(bucket).await?;
    scene.gone::<S3Bucket>(bucket).await
}

/// Every way of a provider and every turn of a bucket's life; the calls that it took.
pub async fn whole() -> Result<Vec<Recorded>> {
    let scene = Scene::new("iam-whole").await?;
    let tokens = tokens()?;
    let settings = [
        "--leader-elect=false".to_owned(),
        "--sweep-interval=1h".to_owned(),
        format!(
            "--web-identity-token-file={}",
            tokens.path().join("own").display()
        ),
        format!("--web-identity-token-folders={}", tokens.path().display()),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let operator = scene.operator_with(&settings)?;
    ways(&scene, &tokens).await?;
    everything(&scene).await?;
    strange(&scene).await?;
    planned(&scene).await?;
    emptied(&scene).await?;
    swept(&scene, &operator).await?;
    operator.stop().await?;

    let mut requests = scene.aws.proxy().requests();
    requests.extend(ambient(&tokens).await?);
    Ok(requests)
}

/// Tokens for a role: one that the operator has, and one that a provider names.
fn tokens() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["own", "projected"] {
        std::fs::write(folder.path().join(name), name)?;
    }
    Ok(folder)
}

/// A provider of the scene, with these credentials.
pub async fn provider(scene: &Scene, name: &str, mut spec: Value) -> Result<()> {
    spec["region"] = REGION.into();
    spec["endpoint"] = scene.aws.url().into();
    let object = json!({ "kind": "AWSProvider", "metadata": { "name": name }, "spec": spec });
    scene.create::<AWSProvider>(object).await?;
    Ok(())
}

/// Each way to authenticate, with a bucket behind it.
async fn ways(scene: &Scene, tokens: &TempDir) -> Result<()> {
    scene.keys("keys", "AKIDEXAMPLE").await?;
    let projected = tokens.path().join("projected");
    for (name, spec) in [
        (
            "account",
            json!({ "credentialsSecret": { "name": "keys" } }),
        ),
        ("token", json!({ "roleARN": role("token") })),
        (
            "projected",
            json!({ "roleARN": role("projected"), "webIdentity": { "tokenFile": projected } }),
        ),
        ("chain", chain("keys")),
    ] {
        provider(scene, name, spec).await?;
        scene.ready::<AWSProvider>(name).await?;
        scene.bucket(name, name, json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
        gone(scene, name).await?;
    }
    Ok(())
}

/// From these keys through two roles, with tags for the last one.
pub fn chain(keys: &str) -> Value {
    json!({
        "credentialsSecret": { "name": keys },
        "assumeRoleChain": [
            { "roleARN": role("hub") },
            { "roleARN": role("tenant"), "tags": { "team": "a" }, "transitiveTagKeys": ["team"] },
        ],
    })
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// The operator's own credentials, in the environment of its process; the role of its own token.
async fn ambient(tokens: &TempDir) -> Result<Vec<Recorded>> {
    let scene = Scene::new("iam-ambient").await?;
    let file = tokens.path().join("own").display().to_string();
    let role = role("operator");
    let environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &*file),
        ("AWS_ROLE_ARN", &*role),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let served = scene.program(&scene.cluster.config(), &[], &environment)?;
    provider(&scene, "account", json!({})).await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    served.program.terminate().await?;
    Ok(scene.aws.proxy().requests())
}

/// All parts together, and none of them any more.
async fn everything(scene: &Scene) -> Result<()> {
    let all = Part::new("all", scene.every_facet("all").await?);
    let abac = Part::new("abac", json!({ "abac": { "enabled": true } }));
    lives(scene, &[all, abac]).await
}

/// Buckets that somebody else made: one is adopted and left again, one is another account's.
async fn strange(scene: &Scene) -> Result<()> {
    scene.somebody.create(&scene.bucket_name("adopted")).await?;
    let wish = json!({ "deletionPolicy": "Orphan", "tags": { "team": "a" } });
    scene.bucket("adopted", "account", wish).await?;
    scene.refused::<S3Bucket>("adopted", "NotManaged").await?;
    let adopt = json!({ "aws-infra-operator.runner.codes/adopt": "true" });
    let adopt = json!({ "metadata": { "annotations": adopt } });
    scene.patch::<S3Bucket>("adopted", adopt).await?;
    scene.ready::<S3Bucket>("adopted").await?;
    gone(scene, "adopted").await?;

    let stranger = Somebody::in_account(Moto::shared().await?, OTHER_ACCOUNT).await?;
    stranger.create(&scene.bucket_name("foreign")).await?;
    scene.bucket("foreign", "account", json!({})).await?;
    scene
        .refused::<S3Bucket>("foreign", "NotAccessible")
        .await?;
    gone(scene, "foreign").await
}

/// A plan that would suspend versioning.
async fn planned(scene: &Scene) -> Result<()> {
    let wish = json!({ "versioning": { "enabled": true } });
    scene.bucket("planned", "account", wish).await?;
    scene.ready::<S3Bucket>("planned").await?;
    let wish = json!({ "spec": { "mode": "Observe", "versioning": { "enabled": false } } });
    scene.patch::<S3Bucket>("planned", wish).await?;
    scene.refused::<S3Bucket>("planned", "Planned").await?;
    gone(scene, "planned").await
}

/// A bucket with an object, one of its versions, and an upload.
async fn emptied(scene: &Scene) -> Result<()> {
    let wish = json!({ "emptyOnDelete": true, "versioning": { "enabled": true } });
    scene.bucket("emptied", "account", wish).await?;
    scene.ready::<S3Bucket>("emptied").await?;
    fill(scene, "emptied").await?;
    gone(scene, "emptied").await
}

/// Puts into the object's bucket what is in the way of its deletion.
pub async fn fill(scene: &Scene, name: &str) -> Result<()> {
    let bucket = scene.bucket_name(name);
    scene.somebody.put(&bucket, "object").await?;
    let upload = scene.somebody.s3.create_multipart_upload();
    upload.bucket(&bucket).key("part").send().await?;
    Ok(())
}

/// A round of the sweep.
async fn swept(scene: &Scene, operator: &Running) -> Result<()> {
    operator.clock.advance(HOUR);
    let lists = |call: &Call| call.about == "ListBuckets" && call.query.contains("max-buckets");
    let round = timeout(PATIENCE, scene.aws.proxy().settled(lists)).await;
    round.context("no round of the sweep")?;
    Ok(())
}
