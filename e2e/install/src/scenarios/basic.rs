//! One chart by itself, as the first command of its README installs it.

use anyhow::{Result, ensure};
use charts::{Helm, helms};
use crd_types::aws::v1alpha1::S3Bucket;
use harness::wait::{PATIENCE, wait_gone};
use kube::api::{Api, DeleteParams};

use crate::{ACCOUNT, Ground, Release, Tenant, values};

/// A chart makes a bucket, edits it and takes it away.
///
/// # Errors
/// When it does not.
pub async fn with_helm_3(ground: &Ground) -> Result<()> {
    makes_buckets(ground, &helms()?[0]).await
}

/// The same by the other Helm.
///
/// # Errors
/// As [`with_helm_3`].
pub async fn with_helm_4(ground: &Ground) -> Result<()> {
    makes_buckets(ground, &helms()?[1]).await
}

async fn makes_buckets(ground: &Ground, helm: &'static Helm) -> Result<()> {
    let release = Release::new(ground, helm, "cloud-system").await?;
    release
        .roll_out("cloud-operator", values::cloud(ground))
        .await?;

    let tenant = Tenant::new(ground, "media").await?;
    let key = tenant.account_by_secret().await?;
    let account = tenant.account_ready().await?;
    let user = format!("arn:aws:iam::{ACCOUNT}:user/{}", tenant.namespace().name());
    let identity = account.status.and_then(|it| it.caller_identity);
    ensure!(identity == Some(user), "it works as {identity:?}");
    tenant.has_bucket("uploads").await?;
    tenant.edit("uploads", "once").await?;

    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    buckets.delete("uploads", &DeleteParams::default()).await?;
    wait_gone(&buckets, "uploads", PATIENCE).await?;
    let left = tenant.tags("uploads").await?;
    ensure!(left.is_none(), "AWS still has the bucket: {left:?}");
    let logs = release.logs().await?;
    ensure!(!logs.contains(&key.secret), "the key is in the log");
    Ok(())
}
