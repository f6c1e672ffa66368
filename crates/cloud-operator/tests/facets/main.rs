//! Every facet through the same life: set, seen outside, steady, drifted, corrected, refused, removed.

mod cases;
mod crash;
mod refused;
#[path = "../scene/mod.rs"]
mod scene;

use anyhow::{Context, Result, ensure};
use cases::{Case, cases};
use crd_types::{
    aws::v1alpha1::{FacetState, FacetStatus, S3Bucket},
    lifecycle::HasLifecycle,
};
use harness::{
    aws::refusal,
    proxy::{Action, Rule, Verb},
};
use http::StatusCode;
use scene::{Scene, side_by_side};
use serde_json::{Value, json};

#[tokio::test]
async fn every_facet_lives_the_same_life() -> Result<()> {
    let scene = Scene::new("facet").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let cases = cases(&scene).await?;
    let lives = cases.iter().map(|case| (case.facet, lives(&scene, case)));
    side_by_side(lives).await?;
    operator.stop().await
}

#[tokio::test]
async fn the_least_size_that_moves_stays_when_rules_are_replaced() -> Result<()> {
    let scene = Scene::new("least-size").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    let rule = json!({ "id": "old", "enabled": true, "expiration": { "days": 30 } });
    let wish = json!({ "lifecycleRules": [rule] });
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let path = format!("{}?lifecycle", scene.bucket_name("data"));
    let chosen = "x-amz-transition-default-minimum-object-size: varies_by_storage_class";
    let others = "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix></Prefix></Filter>\
        <Status>Enabled</Status><Expiration><Days>31</Days></Expiration></Rule></LifecycleConfiguration>";
    let headers = format!("{chosen}\r\n");
    let done = scene.somebody.ask("PUT", &path, &headers, others).await?;
    ensure!(done.starts_with("HTTP/1.1 200"), "{done}");
    scene.request_pass::<S3Bucket>("data").await?;
    let found = scene.somebody.ask("GET", &path, "", "").await?;
    for text in [chosen, "<Days>30</Days>"] {
        ensure!(found.contains(text), "{text} in {found}");
    }
    operator.stop().await
}

async fn lives(scene: &Scene, case: &Case) -> Result<()> {
    let (name, bucket) = (case.name, scene.bucket_name(case.name));
    scene.bucket(name, "account", case.wish.clone()).await?;
    let ready = scene.ready::<S3Bucket>(name).await?;
    ensure!(state(&ready, case.facet) == Some(FacetState::InSync));
    seen(scene, case, case.has).await.context("set")?;

    let before = writes(scene, &bucket);
    scene.request_pass::<S3Bucket>(name).await?;
    ensure!(writes(scene, &bucket) == before, "steady, and written");

    drift(scene, case).await?;
    ensure!(seen(scene, case, case.has).await.is_err(), "no drift");
    scene.request_pass::<S3Bucket>(name).await?;
    seen(scene, case, case.has).await.context("corrected")?;
    let said = scene.event::<S3Bucket>(name, "DriftCorrected").await?;
    ensure!(said.contains(case.facet), "{said}");

    let (operation, of) = (case.operation, bucket.clone());
    let rule = scene.aws.proxy().rule(Rule::when(
        move |call| call.about == operation && call.path.trim_matches('/') == of,
        Action::Answer(refusal::s3(StatusCode::FORBIDDEN, "AccessDenied", "no")),
    ));
    drift(scene, case).await?;
    let refused = scene.request_pass::<S3Bucket>(name).await?;
    let facet = facet(&refused, case.facet).context("no such facet")?;
    ensure!(facet.state == FacetState::Failed, "{facet:?}");
    ensure!(facet.code.as_deref() == Some("AccessDenied"), "{facet:?}");
    let others = refused.status.iter().flat_map(|status| &status.facets);
    let others = others.filter(|other| other.name != case.facet);
    for other in others {
        ensure!(other.state == FacetState::InSync, "{other:?}");
    }
    rule.remove();
    scene.request_pass::<S3Bucket>(name).await?;
    scene.ready::<S3Bucket>(name).await?;
    seen(scene, case, case.has).await.context("mended")?;

    scene
        .patch::<S3Bucket>(name, json!({ "spec": case.removal }))
        .await?;
    let removed = scene.ready::<S3Bucket>(name).await?;
    seen(scene, case, case.rest).await.context("removed")?;
    if case.removal[case.facet] == Value::Null {
        ensure!(state(&removed, case.facet).is_none(), "still shown");
    }
    let generation = removed.metadata.generation;
    let lifecycle = removed.status.as_ref().map(HasLifecycle::lifecycle);
    ensure!(lifecycle.is_some_and(|it| it.observed_generation == generation));
    let before = writes(scene, &bucket);
    scene.request_pass::<S3Bucket>(name).await?;
    ensure!(
        writes(scene, &bucket) == before,
        "removed, and written again"
    );
    scene.delete::<S3Bucket>(name).await?;
    scene.gone::<S3Bucket>(name).await
}

/// Somebody changes the facet past the operator.
async fn drift(scene: &Scene, case: &Case) -> Result<()> {
    let (method, query, headers, body) = &case.drift;
    let path = format!("{}?{query}", scene.bucket_name(case.name));
    let done = scene.somebody.ask(method, &path, headers, body).await?;
    ensure!(done.starts_with("HTTP/1.1 2"), "{done}");
    Ok(())
}

/// What is read of the facet's part holds each text, or lacks it if it begins with `!`.
async fn seen(scene: &Scene, case: &Case, texts: &[&str]) -> Result<()> {
    let path = format!("{}?{}", scene.bucket_name(case.name), case.part);
    let found = scene.somebody.ask("GET", &path, "", "").await?;
    for text in texts {
        let (text, wanted) = match text.strip_prefix('!') {
            Some(text) => (text, false),
            None => (*text, true),
        };
        ensure!(
            found.contains(text) == wanted,
            "{text}: {wanted} in {found}"
        );
    }
    Ok(())
}

/// How many times the operator wrote to the bucket.
fn writes(scene: &Scene, bucket: &str) -> usize {
    let requests = scene.aws.proxy().requests().into_iter();
    let of_it = |call: &harness::proxy::Call| {
        call.verb == Verb::Write && call.path.trim_matches('/') == bucket
    };
    requests.filter(|it| of_it(&it.call)).count()
}

fn facet<'a>(bucket: &'a S3Bucket, name: &str) -> Option<&'a FacetStatus> {
    let mut facets = bucket.status.as_ref()?.facets.iter();
    facets.find(|facet| facet.name == name)
}

fn state(bucket: &S3Bucket, name: &str) -> Option<FacetState> {
    facet(bucket, name).map(|facet| facet.state)
}
