//! The life of a bucket on a real API server and AWS's stand-in.

mod scene;

use anyhow::Result;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use scene::Scene;
use serde_json::json;

#[tokio::test]
async fn a_bucket_appears_and_goes() -> Result<()> {
    let scene = Scene::new("life").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    scene
        .bucket(
            "data",
            "account",
            json!({ "versioning": { "enabled": true }, "tags": { "team": "a" } }),
        )
        .await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;
    operator.stop().await
}
