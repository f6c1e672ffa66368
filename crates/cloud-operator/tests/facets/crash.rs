//! The operator dies while each facet is written, before AWS has heard of it or after: another one goes on.

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::S3Bucket;
use harness::proxy::{Action, Call, Gate, Outcome, Point, Rule, RuleHandle, Verb};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    cases::{Case, cases},
    scene::{PATIENCE, Running, Scene},
    seen,
};

/// Without an election, so that nobody waits for a lease; and all cases at once.
const SETTINGS: [&str; 2] = ["--leader-elect=false", "--max-concurrent-reconciles=64"];

#[tokio::test]
async fn an_operator_that_dies_before_the_writes_of_all_facets_is_replaced() -> Result<()> {
    dies(Point::Before).await
}

#[tokio::test]
async fn an_operator_that_dies_after_the_writes_of_all_facets_is_replaced() -> Result<()> {
    dies(Point::After).await
}

async fn dies(side: Point) -> Result<()> {
    let scene = Scene::new("facet-crash").await?;
    let mut operator = scene.operator_with(&SETTINGS)?;
    scene.provider("account").await?;
    let cases = cases(&scene).await?;

    let held = hold(&scene, &cases, side);
    for Case { name, wish, .. } in &cases {
        scene.bucket(name, "account", wish.clone()).await?;
    }
    operator = replaced(&scene, operator, held, &cases, side).await?;
    for case in &cases {
        scene.ready::<S3Bucket>(case.name).await?;
        seen(&scene, case, case.has).await.context(case.name)?;
    }

    let held = hold(&scene, &cases, side);
    for Case { name, removal, .. } in &cases {
        let removal = json!({ "spec": removal });
        scene.patch::<S3Bucket>(name, removal).await?;
    }
    operator = replaced(&scene, operator, held, &cases, side).await?;
    for case in &cases {
        scene.ready::<S3Bucket>(case.name).await?;
        seen(&scene, case, case.rest).await.context(case.name)?;
    }
    operator.stop().await
}

/// Stops the first write of each case's own facet, on this side of its effect.
fn hold(scene: &Scene, cases: &[Case], side: Point) -> (Gate, Vec<RuleHandle>) {
    let (proxy, gate) = (scene.aws.proxy(), Gate::new());
    proxy.clear();
    let rules = cases.iter().map(|case| {
        let action = Action::CutAt(side, gate.clone());
        proxy.rule(Rule::when(writes(scene, case), action).once())
    });
    let rules = rules.collect();
    (gate, rules)
}

/// Whether a call writes to the case's own facet.
fn writes(scene: &Scene, case: &Case) -> impl Fn(&Call) -> bool + use<> {
    let (bucket, part) = (scene.bucket_name(case.name), case.part);
    move |call| {
        let mut query = call.query.split(['&', '=']);
        call.verb == Verb::Write
            && call.path.trim_matches('/') == bucket
            && query.any(|it| it == part)
    }
}

/// Waits until all is held, and lets another operator go on where this one died.
async fn replaced(
    scene: &Scene,
    operator: Running,
    (gate, rules): (Gate, Vec<RuleHandle>),
    cases: &[Case],
    side: Point,
) -> Result<Running> {
    let arrived = timeout(PATIENCE, gate.arrived(cases.len())).await;
    arrived.context("not every facet is written")?;
    operator.crash().await;
    rules.into_iter().for_each(RuleHandle::remove);
    gate.open();
    for case in cases {
        let held = scene.aws.proxy().settled(writes(scene, case));
        let held = timeout(PATIENCE, held).await.context(case.name)?;
        let is_done = match held.outcome {
            Outcome::CutBefore | Outcome::LeftBefore => false,
            Outcome::CutAfter(status) => status.is_success(),
            Outcome::LeftAfter => true,
            other => anyhow::bail!("{}: {other:?}", case.name),
        };
        ensure!(is_done == (side == Point::After), "{}", case.name);
    }
    scene.operator_with(&SETTINGS)
}
