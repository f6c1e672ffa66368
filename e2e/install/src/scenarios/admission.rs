//! What the API server asks the operator by its Service.

use anyhow::Result;
use charts::helms;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::wait::{PATIENCE, until};
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::{Ground, Release, Tenant, values};

/// A second object for one bucket is refused.
///
/// # Errors
/// When it is not.
pub async fn by_service(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[0], "admission").await?;
    let namespace = release.namespace().name();
    let limited = values::limited(&[namespace]);
    release
        .roll_out(
            "cloud-operator",
            values::with(values::cloud(ground), limited),
        )
        .await?;
    let tenant = Tenant::within(ground, release.namespace());
    tenant.account_by_secret().await?;
    tenant.has_bucket("data").await?;

    let mut second = tenant.wish("second");
    second["spec"]["bucketName"] = json!(tenant.bucket_name("data"));
    let second: S3Bucket = serde_json::from_value(second)?;
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let first = format!("S3Bucket {namespace}/data");
    let refused = || async {
        match buckets.create(&dry, &second).await {
            Err(kube::Error::Api(status)) if status.message.contains(&first) => Ok(()),
            other => Err(format!("{:?}", other.map(|it| it.name_any()))),
        }
    };
    // The leader writes the authority, and the API server hears of it.
    until("the second object to be refused", 2 * PATIENCE, refused).await
}
