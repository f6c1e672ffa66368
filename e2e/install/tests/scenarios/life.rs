//! A release from its installation to its end and its return, and what users have meanwhile.

use std::cell::Cell;

use anyhow::{Context, Result, ensure};
use charts::{Helm, helms};
use cloud_operator::LEASE;
use crd_types::aws::v1alpha1::{S3Bucket, S3BucketSpec};
use harness::Leader;
use harness::proxy::Verb;
use harness::wait::{PATIENCE, wait_for};
use install::{Ground, Release, Tenant, handovers, values};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};

const CHART: &str = "cloud-operator";
const BUCKET: &str = "uploads";

pub async fn by_helm_3(ground: &Ground) -> Result<()> {
    of_a_release(ground, &helms()?[0]).await
}

pub async fn by_helm_4(ground: &Ground) -> Result<()> {
    of_a_release(ground, &helms()?[1]).await
}

async fn of_a_release(ground: &Ground, helm: &'static Helm) -> Result<()> {
    let release = Release::new(ground, helm, "life").await?;
    let tenant = Tenant::new(ground, "media").await?;
    // Whoever waits for such a Lease to run out has no patience left: it is led on because it is given back.
    let election = json!({ "leaseDuration": "10m", "renewDeadline": "9m", "retryPeriod": "2s" });
    let two = json!({ "replicaCount": 2, "leaderElection": election });
    let usual = || values::with(values::cloud(ground), two.clone());
    release.roll_out(CHART, usual()).await?;
    tenant.account_by_secret().await?;
    tenant.has_bucket(BUCKET).await?;

    let changed = values::with(usual(), json!({ "featureGates": { "DebugState": false } }));
    upgrade(&release, &tenant, changed).await?;
    release.roll_back(1).await?;
    tenant.edit(BUCKET, "after the rollback").await?;

    let before = said(&tenant).await?;
    let tags = tenant.tags(BUCKET).await?;
    release.uninstall().await?;
    ensure!(said(&tenant).await? == before, "the object has changed");
    ensure!(tenant.tags(BUCKET).await? == tags, "the bucket has changed");
    let definitions: Api<CustomResourceDefinition> = Api::all(ground.cluster().client()?);
    let definition = definitions.get(S3Bucket::crd_name()).await?;
    let goes = definition.metadata.deletion_timestamp;
    ensure!(goes.is_none(), "the definition goes");

    // Its rights went before its last leader, who could not give the Lease back; another one would wait ten minutes.
    let leases: Api<Lease> = release.namespace().api()?;
    leases.delete(LEASE, &DeleteParams::default()).await?;
    ground.aws().asked().clear();
    release.roll_out(CHART, usual()).await?;
    looked_at(&tenant).await?;
    let writes = writes(ground, &tenant.bucket_name(BUCKET));
    ensure!(
        writes.is_empty(),
        "a bucket as wanted is written: {writes:?}"
    );
    ensure!(tenant.tags(BUCKET).await? == tags, "the bucket has changed");
    tenant.edit(BUCKET, "after the return").await
}

/// Upgrades, and edits the bucket again and again from the rollout's beginning until a new replica leads. Between two
/// leaders there is no more than a hand-over.
async fn upgrade(release: &Release<'_>, tenant: &Tenant<'_>, values: Value) -> Result<()> {
    let deployments: Api<Deployment> = release.namespace().api()?;
    let before = deployments.get(CHART).await?.metadata.generation;
    let pods = release.pods().await?;
    let old: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
    let is_over = Cell::new(false);
    let rolling = async {
        let rolled = async {
            release.roll_out(CHART, values).await?;
            let is_new = |leader: &Leader| old.iter().all(|old| old != leader.pod());
            release.namespace().leader(LEASE, is_new).await
        };
        let rolled = rolled.await;
        is_over.set(true);
        rolled
    };
    let editing = async {
        let begins = |deployment: &Deployment| deployment.metadata.generation > before;
        wait_for(&deployments, CHART, "the rollout", PATIENCE, begins).await?;
        for round in 0_u32.. {
            tenant
                .edit(BUCKET, &format!("during the rollout {round}"))
                .await?;
            if is_over.get() {
                break;
            }
        }
        anyhow::Ok(())
    };
    let both = async {
        let (rolled, edited) = tokio::join!(rolling, editing);
        rolled?;
        edited.context("while the rollout goes on")
    };
    let leases: Api<Lease> = release.namespace().api()?;
    let unheld = handovers::during(&leases, LEASE, both).await?;
    let longest = unheld.iter().max().context("no replica took over")?;
    let count = unheld.len();
    eprintln!(
        "{count} hand-overs, each of a Lease that was given back: nobody had it for {longest:?} at most"
    );
    Ok(())
}

/// What users have said of the bucket, and which object it is.
async fn said(tenant: &Tenant<'_>) -> Result<(Option<String>, S3BucketSpec)> {
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    let found = buckets.get(BUCKET).await?;
    let goes = &found.metadata.deletion_timestamp;
    ensure!(goes.is_none(), "the object goes");
    Ok((found.metadata.uid, found.spec))
}

/// Returns when the operator has looked at all of the bucket.
async fn looked_at(tenant: &Tenant<'_>) -> Result<()> {
    const ASKS: &str = "aws-infra-operator.runner.codes/reconcile-requested-at";
    let buckets: Api<S3Bucket> = tenant.namespace().api()?;
    let asks = Patch::Merge(json!({ "metadata": { "annotations": { ASKS: "now" } } }));
    buckets
        .patch(BUCKET, &PatchParams::default(), &asks)
        .await?;
    let answered = |bucket: &S3Bucket| {
        let status = bucket.status.as_ref();
        let answered = status.and_then(|it| it.lifecycle.last_handled_reconcile_at.as_deref());
        answered == Some("now")
    };
    wait_for(&buckets, BUCKET, "to be looked at", 2 * PATIENCE, answered)
        .await
        .context("the operator does not come back to it")?;
    Ok(())
}

/// What operators have written to a bucket since the record was cleared.
fn writes(ground: &Ground, bucket: &str) -> Vec<String> {
    let asked = ground.aws().asked().requests();
    let of_bucket = asked.iter().filter(|it| {
        let path = it.call.path.trim_start_matches('/');
        it.call.verb == Verb::Write && path.split('/').next() == Some(bucket)
    });
    of_bucket.map(|it| it.call.about.clone()).collect()
}
