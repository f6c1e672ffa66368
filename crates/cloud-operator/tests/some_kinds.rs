//! Clusters that have one of the definitions, and get the other one later.

mod scene;

use anyhow::{Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket, crds};
use harness::{ControlPlane, wait};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt, api::DeleteParams};
use scene::{PATIENCE, Scene, program::Served};
use serde_json::json;

/// The definition of a kind.
fn definition(kind: &str) -> CustomResourceDefinition {
    let mut all = crds().into_iter();
    all.find(|definition| definition.spec.names.kind == kind)
        .expect("a kind of the group")
}

/// Waits until the metric says whether a kind is missing, and holds `/debug/state` against it.
async fn misses(served: &Served, controller: &str, missing: bool) -> Result<()> {
    let sample = format!("operator_watch_missing{{kind=\"{controller}\"}}");
    let said = || async {
        let samples = served.samples().await.map_err(|error| error.to_string())?;
        let value = samples.get(&sample).copied();
        let expected = Some(f64::from(u8::from(missing)));
        (value == expected)
            .then_some(())
            .ok_or(format!("{value:?}"))
    };
    let what = format!("{controller} to be missing: {missing}");
    wait::until(&what, PATIENCE, said).await?;
    let state = served.state().read().await?;
    let watch = &state[format!("watch/{controller}")];
    ensure!(watch["missing"].is_string() == missing, "{watch:#}");
    Ok(())
}

#[tokio::test]
async fn providers_are_served_before_buckets_are_installed_and_when_these_come_and_go() -> Result<()>
{
    let own = ControlPlane::start().await?;
    own.install_crds([definition("AWSProvider")]).await?;
    let scene = Scene::as_it_is(&own, "providers").await?;
    let served = scene.program(&own.config(), &[], &[])?;
    let s3buckets = "does not serve s3buckets.aws-infra-operator.runner.codes/v1alpha1";
    served.program.says(s3buckets).await?;
    served.ready().await?;
    misses(&served, "s3bucket", true).await?;
    misses(&served, "awsprovider", false).await?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    let definitions: Api<CustomResourceDefinition> = Api::all(own.client()?);
    let name = scene.bucket_name("data");
    for _ in 0..2 {
        own.install_crds([definition("S3Bucket")]).await?;
        scene.bucket("data", "account", json!({})).await?;
        scene.ready::<S3Bucket>("data").await?;
        misses(&served, "s3bucket", false).await?;
        ensure!(scene.somebody.exists(&name).await?);

        // A definition takes its objects with it, and each of them what it stands for.
        let s3buckets = definition("S3Bucket").name_any();
        let params = DeleteParams::default();
        definitions.delete(&s3buckets, &params).await?;
        wait::wait_gone(&definitions, &s3buckets, PATIENCE).await?;
        misses(&served, "s3bucket", true).await?;
        ensure!(!scene.somebody.exists(&name).await?);
    }
    // Nobody uses it any more.
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;

    ensure!(served.probe("/readyz").await?.status == 200);
    assert_eq!(served.program.terminate().await?.code(), Some(0));
    let output = served.program.output();
    assert_eq!(
        output.matches(s3buckets).count(),
        3,
        "each time once:\n{output}"
    );
    own.stop().await;
    Ok(())
}

#[tokio::test]
async fn buckets_wait_for_a_kind_of_provider_that_is_yet_to_be_installed() -> Result<()> {
    let own = ControlPlane::start().await?;
    own.install_crds([definition("S3Bucket")]).await?;
    let scene = Scene::as_it_is(&own, "buckets").await?;
    let served = scene.program(&own.config(), &[], &[])?;
    scene.bucket("data", "account", json!({})).await?;
    scene
        .refused::<S3Bucket>("data", "WaitingForProvider")
        .await?;
    misses(&served, "awsprovider", true).await?;

    own.install_crds([definition("AWSProvider")]).await?;
    scene.provider("account").await?;
    scene.ready::<S3Bucket>("data").await?;
    misses(&served, "awsprovider", false).await?;
    assert_eq!(served.program.terminate().await?.code(), Some(0));
    own.stop().await;
    Ok(())
}
