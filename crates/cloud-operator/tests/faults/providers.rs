//! One provider is broken, another is not.

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    AwsProxy, Moto,
    proxy::{Action, Gate, Point, Rule},
};
use serde_json::json;

use crate::scene::{Scene, UNHURRIED};

/// How many objects of a kind are worked on at once.
const PLACES: usize = 4;
/// Of these, how many may be of one provider.
const OF_ONE_PROVIDER: usize = 3;

#[tokio::test]
async fn a_provider_that_hangs_does_not_delay_anothers_objects() -> Result<()> {
    let scene = Scene::new("lanes").await?;
    let broken = AwsProxy::start(Moto::shared().await?.url()).await?;
    let mut settings = UNHURRIED.to_vec();
    let endpoints = format!("--allowed-endpoints={},{}", scene.aws.url(), broken.url());
    let places = format!("--max-concurrent-reconciles={PLACES}");
    settings.extend([&*endpoints, &*places]);
    let operator = scene.operator_with(&settings)?;
    scene.keys("broken", "AKIDEXAMPLE").await?;
    let provider = json!({
        "kind": "AWSProvider",
        "metadata": { "name": "broken" },
        "spec": {
            "region": "eu-central-1",
            "endpoint": broken.url(),
            "credentialsSecret": { "name": "broken" },
        },
    });
    scene.create::<AWSProvider>(provider).await?;
    scene.ready::<AWSProvider>("broken").await?;

    let gate = Gate::new();
    let hold = Action::Hold(Point::Before, gate.clone());
    let rule = broken.proxy().rule(Rule::when(|_| true, hold));
    let waiting: Vec<String> = (0..3 * PLACES).map(|n| format!("waiting-{n}")).collect();
    for name in &waiting {
        scene.bucket(name, "broken", json!({})).await?;
    }
    gate.arrived(OF_ONE_PROVIDER).await;

    scene.provider("healthy").await?;
    scene.ready::<AWSProvider>("healthy").await?;
    for n in 0..PLACES {
        let name = format!("served-{n}");
        scene.bucket(&name, "healthy", json!({})).await?;
        scene.ready::<S3Bucket>(&name).await?;
    }

    rule.remove();
    gate.open();
    let _hurry = operator.hurried();
    for name in &waiting {
        scene.ready::<S3Bucket>(name).await?;
    }
    operator.stop().await
}
