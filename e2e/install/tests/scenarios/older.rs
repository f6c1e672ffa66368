//! Objects that were stored under the definitions of the older operator, and those definitions under an installed chart.

use anyhow::{Context, Result, ensure};
use charts::{Helm, helms};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::wait::{PATIENCE, until, wait_for, wait_gone};
use install::{Ground, Release, Tenant, kubectl, values};
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::{Value, json};

const CHART: &str = "cloud-operator";
/// Those definitions, which had hardly a rule.
const OLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/crd-types/tests/fixtures/older-definitions/aws.yaml"
);

pub async fn taken_over_by_helm_3(ground: &Ground) -> Result<()> {
    taken_over(ground, &helms()?[0], &["--take-ownership"]).await
}

pub async fn taken_over_by_helm_4(ground: &Ground) -> Result<()> {
    let options = ["--take-ownership", "--force-conflicts"];
    taken_over(ground, &helms()?[1], &options).await
}

/// As docs/migration-cloud.md has it: the chart without a Pod first.
async fn taken_over(ground: &Ground, helm: &'static Helm, options: &[&'static str]) -> Result<()> {
    let release = Release::new(ground, helm, "older").await?;
    kubectl(ground.cluster(), &["apply", "-f", OLDER])?;
    let tenant = Tenant::within(ground, release.namespace());
    served(&tenant).await?;
    tenant.account_by_secret().await?;
    tenant.apply(tenant.wish("fine")).await?;
    tenant.apply(wrong(&tenant, "wrong")).await?;

    release
        .roll_out_with(options, CHART, with_no_pod(ground))
        .await?;
    release.roll_out(CHART, values::cloud(ground)).await?;
    tenant.account_ready().await?;
    tenant.ready::<S3Bucket>("fine").await?;
    tenant.edit("fine", "after the upgrade").await?;

    // What is refused by now is told to be wrong, stays, and can go.
    is_refused(&tenant).await?;
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

/// Back to earlier definitions and forth again, as docs/upgrade.md has it: by the Helm that leaves to others what is theirs.
pub async fn brought_back(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[1], "back").await?;
    release.roll_out(CHART, values::cloud(ground)).await?;
    let tenant = Tenant::within(ground, release.namespace());
    tenant.account_by_secret().await?;
    tenant.has_bucket("fine").await?;

    release.roll_out(CHART, with_no_pod(ground)).await?;
    ground.no_pods(release.namespace().name()).await?;
    let forced = ["apply", "--server-side", "--force-conflicts", "-f", OLDER];
    kubectl(ground.cluster(), &forced)?;
    let taken = || async {
        let taken = tenant.apply(wrong(&tenant, "wrong")).await;
        taken.map(drop).map_err(|error| format!("{error:#}"))
    };
    until("the older definitions to be in force", PATIENCE, taken).await?;
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    buckets.delete("wrong", &DeleteParams::default()).await?;

    release
        .roll_out_with(&["--force-conflicts"], CHART, values::cloud(ground))
        .await?;
    is_refused(&tenant).await?;
    tenant
        .edit("fine", "under the newer definitions again")
        .await
}

fn with_no_pod(ground: &Ground) -> Value {
    values::with(values::cloud(ground), json!({ "replicaCount": 0 }))
}

/// What only the older definitions let in.
fn wrong(tenant: &Tenant<'_>, name: &str) -> Value {
    let mut wrong = tenant.wish(name);
    wrong["spec"]["bucketName"] = json!("Not_A_Bucket");
    wrong
}

async fn is_refused(tenant: &Tenant<'_>) -> Result<()> {
    let anew = tenant.apply(wrong(tenant, "anew")).await;
    let error = anew.err().context("the definition is the older one")?;
    let refused = format!("{error:#}");
    ensure!(refused.contains("bucketName"), "{refused}");
    Ok(())
}

/// Waits until objects of both kinds are served.
async fn served(tenant: &Tenant<'_>) -> Result<()> {
    let accounts: Api<AWSProvider> = tenant.namespace().api()?;
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    let all = ListParams::default();
    let listed = || async {
        accounts.list(&all).await?;
        buckets.list(&all).await.map(drop)
    };
    until("the definitions to be served", PATIENCE, listed).await
}
