//! STS's answers are lost, and operators die on the way to credentials: whichever the way, they are had in the end.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::proxy::{Action, Call, Gate, Point, Rule};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    create,
    scene::{
        PATIENCE, Scene, UNHURRIED,
        outside::{ACCOUNT, OTHER_ACCOUNT},
        side_by_side,
    },
};

/// The calls to STS of each way, in their order.
const WAYS: [(&str, &[&str]); 3] = [
    ("keys", &["GetCallerIdentity"]),
    ("chain", &["AssumeRole", "AssumeRole", "GetCallerIdentity"]),
    (
        "token",
        &[
            "AssumeRoleWithWebIdentity",
            "AssumeRole",
            "GetCallerIdentity",
        ],
    ),
];

/// The spec of a provider that goes this way.
fn spec(way: &str) -> Value {
    let role = |account: &str, name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let hub = json!({ "roleARN": role(ACCOUNT, "hub") });
    let tenant = json!({ "roleARN": role(OTHER_ACCOUNT, "tenant") });
    match way {
        "chain" => json!({
            "credentialsSecret": { "name": "keys" }, "assumeRoleChain": [hub, tenant],
        }),
        "token" => json!({
            "roleARN": role(ACCOUNT, "operator"), "assumeRoleChain": [tenant],
        }),
        _ => json!({ "credentialsSecret": { "name": "keys" } }),
    }
}

/// How many calls of the same name come before this one of a way.
fn before(calls: &[&str], number: usize) -> usize {
    let earlier = calls[..number].iter();
    earlier.filter(|call| **call == calls[number]).count()
}

fn token() -> Result<(tempfile::NamedTempFile, String)> {
    let mut token = tempfile::NamedTempFile::new()?;
    token.write_all(b"token-of-the-pod")?;
    let setting = format!("--web-identity-token-file={}", token.path().display());
    Ok((token, setting))
}

#[tokio::test]
async fn an_answer_of_sts_that_is_lost_is_asked_for_again() -> Result<()> {
    let mut lives = Vec::new();
    for (way, calls) in WAYS {
        for number in 0..calls.len() {
            lives.push((calls[number], loses(way, calls, number)));
        }
    }
    side_by_side(lives).await
}

/// A provider that does not hear this answer of its way comes to work all the same.
async fn loses(way: &str, calls: &[&'static str], number: usize) -> Result<()> {
    let scene = Scene::new(&format!("lost-{way}")).await?;
    let (_file, token) = token()?;
    let mut settings = UNHURRIED.to_vec();
    settings.push(&token);
    let operator = scene.operator_with(&settings)?;
    let _hurry = operator.hurried();
    let lost = calls[number];
    let is_it = move |call: &Call| call.about == lost;
    let rule = Rule::when(is_it, Action::DropAfter);
    let rule = rule.skip(before(calls, number)).once();
    let rule = scene.aws.proxy().rule(rule);
    scene.keys("keys", "AKIALOST").await?;
    create(&scene, "account", spec(way)).await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    ensure!(rule.hits() == 1, "{way}: the answer to {lost} was not lost");
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}

#[tokio::test]
async fn an_operator_that_dies_between_the_roles_of_a_chain_is_replaced() -> Result<()> {
    let mut lives = Vec::new();
    for (way, calls) in WAYS {
        for number in 0..calls.len() {
            for side in [Point::Before, Point::After] {
                lives.push((calls[number], dies(way, calls, number, side)));
            }
        }
    }
    side_by_side(lives).await
}

async fn dies(way: &str, calls: &[&'static str], number: usize, side: Point) -> Result<()> {
    let scene = Scene::new(&format!("dies-{way}")).await?;
    let (_file, token) = token()?;
    let settings = ["--leader-elect=false", &token];
    let operator = scene.operator_with(&settings)?;
    let (gate, last) = (Gate::new(), calls[number]);
    let is_it = move |call: &Call| call.about == last;
    let rule = Rule::when(is_it, Action::CutAt(side, gate.clone()));
    let rule = rule.skip(before(calls, number)).once();
    scene.aws.proxy().rule(rule);
    scene.keys("keys", "AKIADIES").await?;
    create(&scene, "account", spec(way)).await?;
    scene.bucket("data", "account", json!({})).await?;
    let arrived = timeout(PATIENCE, gate.arrived(1)).await;
    arrived.with_context(|| format!("{way}: no {last}"))?;
    operator.crash().await;
    gate.open();

    let operator = scene.operator_with(&settings)?;
    scene.ready::<AWSProvider>("account").await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    operator.stop().await
}
