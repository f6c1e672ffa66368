//! What is in force costs nothing: no write to the API server or to AWS, no event, over many looks and a restart.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    proxy::{Proxy, Verb},
    wait,
};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use scene::{
    INTERVAL, PATIENCE, Running, Scene, UNHURRIED,
    outside::{ACCOUNT, REGION},
    state::State,
};
use serde_json::json;

const BUCKETS: usize = 10;
const LOOKS: usize = 6;

#[tokio::test]
async fn what_is_in_force_costs_no_write() -> Result<()> {
    let scene = Scene::new("steady").await?;
    let state = State::reserve()?;
    let setting = state.setting();
    let mut settings = UNHURRIED.to_vec();
    settings.push(&setting);

    let operator = scene.operator_with(&settings)?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    chained(&scene).await?;
    for n in 0..BUCKETS {
        let mut spec = scene.every_facet(&format!("data-{n}")).await?;
        spec["tags"] = json!({ "number": n.to_string() });
        spec["abac"] = json!({ "enabled": n % 4 < 2 });
        let provider = ["account", "chain"][n % 2];
        scene.bucket(&format!("data-{n}"), provider, spec).await?;
    }
    for n in 0..BUCKETS {
        scene.ready::<S3Bucket>(&format!("data-{n}")).await?;
    }
    all_was_told(&scene).await?;
    state.idle().await?;
    forget(&scene);
    look(&operator, &state).await?;
    operator.stop().await?;
    assert_eq!(looks(&scene), LOOKS * BUCKETS, "everything was looked at");
    assert_eq!(writes(&scene), [""; 0]);

    forget(&scene);
    let operator = scene.operator_with(&settings)?;
    wait::until("the first look at all", PATIENCE, || async {
        looks(&scene) == BUCKETS
    })
    .await?;
    state.idle().await?;
    look(&operator, &state).await?;
    operator.stop().await?;
    assert_eq!(looks(&scene), (1 + LOOKS) * BUCKETS, "after a restart too");
    assert_eq!(writes(&scene), [""; 0]);
    Ok(())
}

/// A provider that comes to the same account through two roles.
async fn chained(scene: &Scene) -> Result<()> {
    let role = |name: &str| json!({ "roleARN": format!("arn:aws:iam::{ACCOUNT}:role/{name}") });
    let spec = json!({
        "region": REGION,
        "endpoint": scene.aws.url(),
        "credentialsSecret": { "name": "account" },
        "assumeRoleChain": [role("hub"), role("tenant")],
    });
    let object = json!({ "kind": "AWSProvider", "metadata": { "name": "chain" }, "spec": spec });
    scene.create::<AWSProvider>(object).await?;
    scene.ready::<AWSProvider>("chain").await?;
    Ok(())
}

/// Lets the drift interval pass many times, and each time everything be looked at.
async fn look(operator: &Running, state: &State) -> Result<()> {
    for _ in 0..LOOKS {
        // Each pass comes within a tenth of the interval.
        operator.clock.advance(INTERVAL.mul_f64(1.11));
        state.idle().await?;
    }
    Ok(())
}

/// How many times a bucket was looked at.
fn looks(scene: &Scene) -> usize {
    scene
        .aws
        .proxy()
        .counts()
        .about(Verb::Read, "GetBucketTagging")
}

/// Every write but those by which the lease is held.
fn writes(scene: &Scene) -> Vec<String> {
    let of = |proxy: &Proxy| proxy.requests().into_iter().map(|it| it.call);
    of(scene.api.proxy())
        .chain(of(scene.aws.proxy()))
        .filter(|call| call.verb == Verb::Write && call.about != "leases")
        .map(|call| format!("{call:?}"))
        .collect()
}

fn forget(scene: &Scene) {
    scene.api.proxy().clear();
    scene.aws.proxy().clear();
}

/// Waits for the last event about each bucket: events are written beside the passes.
async fn all_was_told(scene: &Scene) -> Result<()> {
    let events = scene.api_of::<Event>();
    wait::until("an event about each bucket", PATIENCE, || async {
        let list = events.list(&ListParams::default()).await;
        let list = list.map_err(|error| error.to_string())?;
        let told = |event: &&Event| event.reason.as_deref() == Some("BucketReady");
        match list.items.iter().filter(told).count() {
            BUCKETS => Ok(()),
            other => Err(format!("{other} of {BUCKETS}")),
        }
    })
    .await
}
