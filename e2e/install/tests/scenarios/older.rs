//! Objects that were stored under the definitions of an earlier chart.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::{helms, root};
use crd_types::aws::v1alpha1::S3Bucket;
use harness::wait::{PATIENCE, wait_for, wait_gone};
use install::{Ground, Release, Tenant, values};
use kube::api::{Api, DeleteParams};
use serde_json::json;

/// The definitions of the older operator of this group, which had hardly a rule.
const EARLIER: &str = "crates/crd-types/tests/fixtures/older-definitions/aws.yaml";

pub async fn definitions(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[1], "older").await?;
    let earlier = tempfile::tempdir()?;
    write_chart(earlier.path())?;
    let chart = earlier.path().to_str().context("a path that is text")?;
    release.roll_out(chart, json!({})).await?;

    let tenant = Tenant::within(ground, release.namespace());
    tenant.account_by_secret().await?;
    tenant.apply(tenant.wish("fine")).await?;
    let mut wrong = tenant.wish("wrong");
    wrong["spec"]["bucketName"] = json!("Not_A_Bucket");
    tenant.apply(wrong.clone()).await?;

    release
        .roll_out("cloud-operator", values::cloud(ground))
        .await?;
    tenant.account_ready().await?;
    tenant.ready::<S3Bucket>("fine").await?;
    tenant.edit("fine", "after the upgrade").await?;

    // What is refused by now is told to be wrong, stays, and can go.
    wrong["metadata"]["name"] = json!("anew");
    let anew = tenant.apply(wrong).await;
    let refused = format!(
        "{:#}",
        anew.err().context("the definition is the earlier one")?
    );
    ensure!(refused.contains("bucketName"), "{refused}");
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    let told = |bucket: &S3Bucket| {
        let status = bucket.status.as_ref();
        let ready = status.and_then(|it| it.lifecycle.condition("Ready"));
        ready.is_some_and(|it| it.status == *"False" && it.message.contains("bucketName"))
    };
    wait_for(&buckets, "wrong", "to be told so", PATIENCE, told).await?;
    buckets.delete("wrong", &DeleteParams::default()).await?;
    wait_gone(&buckets, "wrong", PATIENCE).await
}

/// A chart that holds nothing but the earlier definitions.
fn write_chart(folder: &Path) -> Result<()> {
    let templates = folder.join("templates");
    fs::create_dir(&templates)?;
    fs::write(
        folder.join("Chart.yaml"),
        "apiVersion: v2\nname: cloud-operator\nversion: 0.0.1\n",
    )?;
    fs::copy(root().join(EARLIER), templates.join("definitions.yaml"))?;
    Ok(())
}
