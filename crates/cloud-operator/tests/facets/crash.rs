//! The operator dies while each facet is written, before AWS has heard of it or after: another one goes on.

use anyhow::{Context, Result};
use crd_types::aws::v1alpha1::S3Bucket;
use harness::proxy::{Action, Call, Gate, Point, Rule, RuleHandle, Verb};
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
    operator = replaced(&scene, operator, held, cases.len()).await?;
    for case in &cases {
        scene.ready::<S3Bucket>(case.name).await?;
        seen(&scene, case, case.has).await.context(case.name)?;
    }

    let held = hold(&scene, &cases, side);
    for Case { name, removal, .. } in &cases {
        let removal = json!({ "spec": removal });
        scene.patch::<S3Bucket>(name, removal).await?;
    }
    operator = replaced(&scene, operator, held, cases.len()).await?;
    for case in &cases {
        scene.ready::<S3Bucket>(case.name).await?;
        seen(&scene, case, case.rest).await.context(case.name)?;
    }
    operator.stop().await
}

/// Stops the first write of each case's own facet, on this side of its effect.
fn hold(scene: &Scene, cases: &[Case], side: Point) -> (Gate, Vec<RuleHandle>) {
    let gate = Gate::new();
    let rules = cases.iter().map(|case| {
        let (bucket, part) = (scene.bucket_name(case.name), case.part);
        let writes = move |call: &Call| {
            let mut query = call.query.split(['&', '=']);
            call.verb == Verb::Write
                && call.path.trim_matches('/') == bucket
                && query.any(|it| it == part)
        };
        let rule = Rule::when(writes, Action::Hold(side, gate.clone())).once();
        scene.aws.proxy().rule(rule)
    });
    let rules = rules.collect();
    (gate, rules)
}

/// Waits until all is held, and lets another operator go on where this one died.
async fn replaced(
    scene: &Scene,
    operator: Running,
    (gate, rules): (Gate, Vec<RuleHandle>),
    all: usize,
) -> Result<Running> {
    let arrived = timeout(PATIENCE, gate.arrived(all)).await;
    arrived.context("not every facet is written")?;
    operator.crash().await;
    rules.into_iter().for_each(RuleHandle::remove);
    gate.open();
    scene.operator_with(&SETTINGS)
}
