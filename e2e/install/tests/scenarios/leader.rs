//! The end of the replica that leads.

use anyhow::{Result, ensure};
use charts::helms;
use cloud_operator::LEASE;
use harness::Leader;
use install::{Ground, Release, Tenant, values};
use serde_json::json;

pub async fn killed(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[1], "replicas").await?;
    let namespace = release.namespace().name();
    let limited = values::with(values::cloud(ground), values::limited(&[namespace]));
    let two = json!({
        "replicaCount": 2,
        "podDisruptionBudget": { "enabled": true },
        // Short enough for a test, long enough for a busy machine to renew.
        "leaderElection": { "leaseDuration": "20s", "renewDeadline": "15s", "retryPeriod": "1s" },
    });
    release
        .roll_out("cloud-operator", values::with(limited, two))
        .await?;
    let replicas = release.pods().await?.len();
    ensure!(replicas == 2, "{replicas} replicas");
    let tenant = Tenant::within(ground, release.namespace());
    tenant.account_by_secret().await?;
    tenant.has_bucket("data").await?;

    let first = release.namespace().leader(LEASE, |_| true).await?;
    release.kill(first.pod()).await?;
    // It may be the other one, or the Pod that takes the killed one's place.
    let another = |leader: &Leader| leader.pod() != first.pod();
    release.namespace().leader(LEASE, another).await?;
    tenant.edit("data", "under another leader").await
}
