//! What was left behind is found, told, and left as it is.

mod scene;

use std::time::Duration;

use anyhow::{Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    aws::refusal,
    proxy::{Action, Call, Rule, Verb},
};
use http::StatusCode;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use scene::{
    Running, Scene,
    outside::{REGION, pairs},
    state::State,
};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
const GAUGE: &str = "operator_unclaimed_resources{kind=\"s3bucket\"}";
const SETTINGS: [&str; 2] = ["--leader-elect=false", "--sweep-interval=1h"];

#[tokio::test]
async fn a_bucket_that_no_object_names_is_told_and_left() -> Result<()> {
    let scene = Scene::new("swept").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    for name in ["kept", "claimed"] {
        scene
            .bucket(name, "account", json!({ "deletionPolicy": "Retain" }))
            .await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    // Neither one without a mark, nor one that another installation has marked.
    let (plain, foreign) = (scene.bucket_name("plain"), scene.bucket_name("foreign"));
    scene.somebody.create(&plain).await?;
    scene.somebody.create(&foreign).await?;
    let kept = scene.bucket_name("kept");
    let mut theirs = scene.somebody.tags(&kept).await?;
    theirs.extend(pairs([(
        "aws-infra-operator.runner.codes/installation",
        "theirs",
    )]));
    scene.somebody.set_tags(&foreign, &theirs).await?;
    scene.delete::<S3Bucket>("kept").await?;
    scene.gone::<S3Bucket>("kept").await?;
    let before = scene.somebody.has(&kept).await?;

    scene.aws.proxy().clear();
    swept(&scene, &operator, &state, HOUR, |found| {
        found.get(&kept).is_some()
    })
    .await?;
    let found = state.read().await?["unclaimed/s3bucket"]["unclaimed"].clone();
    let told = found[&kept].as_str().unwrap_or_default().to_owned();
    let owner = format!("{}/kept", scene.namespace.name());
    ensure!(told.contains(&owner), "{found:#}");
    let mine = found.as_object().into_iter().flatten();
    let mine: Vec<_> = mine
        .filter(|(name, _)| name.starts_with(scene.namespace.name()))
        .collect();
    assert_eq!(mine.len(), 1, "{found:#}");
    let metrics = state.metrics().await?;
    ensure!(metrics.contains(&format!("{GAUGE} 1")), "{metrics}");

    let requests = scene.aws.proxy().requests();
    let written = requests.iter().filter(|it| it.call.verb == Verb::Write);
    assert_eq!(written.count(), 0);
    assert_eq!(scene.somebody.has(&kept).await?, before);

    // An object that names it claims it.
    scene.bucket("kept", "account", json!({})).await?;
    scene.ready::<S3Bucket>("kept").await?;
    swept(&scene, &operator, &state, HOUR, |found| {
        found.get(&kept).is_none()
    })
    .await?;
    operator.stop().await
}

/// Whose credentials list them does not matter, nor who is asked first, nor why he cannot.
#[tokio::test]
async fn an_account_is_listed_by_whichever_of_its_providers_can() -> Result<()> {
    let scene = Scene::new("lister").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = SETTINGS.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    let refusals = [
        ("AKIADENIED", StatusCode::FORBIDDEN, "AccessDenied"),
        ("AKIASLOW", StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
    ];
    let refused = refusals.map(|(id, status, code)| {
        let lists = move |call: &Call| call.about == "ListBuckets" && call.signer == id;
        let answer = Action::Answer(refusal::s3(status, code, "no"));
        scene.aws.proxy().rule(Rule::when(lists, answer))
    });
    let ids = ["AKIADENIED", "AKIASLOW", "AKIALISTER", "AKIADENIED"];
    for (name, id) in ["a", "b", "m", "z"].into_iter().zip(ids) {
        scene.keys(name, id).await?;
        let spec = json!({
            "region": REGION, "endpoint": scene.aws.url(), "credentialsSecret": { "name": name },
        });
        let object = json!({ "kind": "AWSProvider", "metadata": { "name": name }, "spec": spec });
        scene.create::<AWSProvider>(object).await?;
        scene.ready::<AWSProvider>(name).await?;
    }
    for _ in 0..5 {
        let lists = || scene.aws.proxy().counts().about(Verb::Read, "ListBuckets");
        let before = lists();
        operator.clock.advance(HOUR);
        harness::wait::until("a round", scene::PATIENCE, || async { lists() > before }).await?;
        state.idle().await?;
        let found = state.read().await?["unclaimed/s3bucket"].clone();
        assert_eq!(found["unlisted"], json!({}), "{found:#}");
    }
    for rule in &refused {
        let hits = rule.hits();
        ensure!(hits <= 1, "who can is asked first from then on, not {hits}");
    }
    operator.stop().await
}

/// A lease that outlasts all rounds, and is looked at between them.
const LEASED: [&str; 4] = [
    "--leader-election-lease-duration=1h",
    "--leader-election-renew-deadline=50m",
    "--leader-election-retry-period=5m",
    "--sweep-interval=1m",
];

/// What has become of it since, the replica that leads now knows.
#[tokio::test]
async fn who_leads_no_more_tells_of_nothing() -> Result<()> {
    let scene = Scene::new("deposed").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = LEASED.to_vec();
    settings.push(&setting);
    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    let keeps = json!({ "deletionPolicy": "Retain" });
    scene.bucket("kept", "account", keeps).await?;
    scene.ready::<S3Bucket>("kept").await?;
    scene.delete::<S3Bucket>("kept").await?;
    scene.gone::<S3Bucket>("kept").await?;
    let kept = scene.bucket_name("kept");
    let is_found = |found: &Value| found.get(&kept).is_some();
    swept(&scene, &operator, &state, MINUTE, is_found).await?;
    ensure!(state.metrics().await?.contains(&format!("{GAUGE} 1")));

    let taken = json!({ "spec": { "holderIdentity": "another" } });
    let leases = scene.api_of::<Lease>();
    let params = PatchParams::default();
    leases
        .patch(cloud_operator::LEASE, &params, &Patch::Merge(taken))
        .await?;
    harness::wait::until("the term to end", scene::PATIENCE, || async {
        operator.clock.advance(Duration::from_secs(300));
        let found = state.read().await.map_err(|error| error.to_string())?;
        match found["lease"]["leading"] == false {
            true => Ok(()),
            false => Err(found["lease"].to_string()),
        }
    })
    .await?;
    let metrics = state.metrics().await?;
    ensure!(metrics.contains(&format!("{GAUGE} 0")), "{metrics}");
    let found = state.read().await?["unclaimed/s3bucket"]["unclaimed"].clone();
    assert_eq!(found, json!({}));
    operator.stop().await
}

/// Lets rounds pass until what was found is as it should be. Other tests' buckets are of the same account.
async fn swept(
    scene: &Scene,
    operator: &Running,
    state: &State,
    interval: Duration,
    holds: impl Fn(&Value) -> bool,
) -> Result<()> {
    for _ in 0..40 {
        let lists = || scene.aws.proxy().counts().about(Verb::Read, "ListBuckets");
        let before = lists();
        operator.clock.advance(interval);
        harness::wait::until("a round", scene::PATIENCE, || async { lists() > before }).await?;
        state.idle().await?;
        let found = state.read().await?["unclaimed/s3bucket"]["unclaimed"].clone();
        if holds(&found) {
            return Ok(());
        }
    }
    anyhow::bail!("not after forty rounds: {:#}", state.read().await?)
}
