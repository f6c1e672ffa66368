//! What an operator may do.

use anyhow::{Result, ensure};
use cloud_operator::{LEASE, NAME, rbac};
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::Api;
use node::Bench;

use super::deployment::Wish;
use super::installed::Installed;

pub async fn are_those_of_its_account(bench: &Bench) -> Result<()> {
    let installed = Installed::prepared(bench).await?;
    installed.grant(Vec::new(), rbac::watched()).await?;
    installed.deploy(&Wish::of(1)).await?;
    let runs = || async {
        let pod = installed.pod().await.map_err(|e| e.to_string())?;
        let log = bench.node().log(&pod).map_err(|e| e.to_string())?;
        // The API server names whom it refuses.
        let refused = format!("system:serviceaccount:{}:{NAME}", installed.name());
        if log.contains(&refused) {
            Ok(())
        } else {
            Err(log)
        }
    };
    until("its account to be refused the lease", 2 * PATIENCE, runs).await?;
    let leases: Api<Lease> = installed.namespace.api()?;
    ensure!(
        leases.get_opt(LEASE).await?.is_none(),
        "it has a lease without the right to it"
    );

    installed.grant(rbac::election(), rbac::watched()).await?;
    let pod = installed.pod().await?.name_any();
    installed.leader(|leader| leader.pod() == pod).await?;
    installed.available().await?;
    Ok(())
}
