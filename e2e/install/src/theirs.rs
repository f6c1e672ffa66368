//! A cluster that somebody has, and what scenarios have to be told of it.

use std::env;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::Cluster;
use kube::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::definitions;
use crate::releases::{self, Listed};

/// Names the kubeconfig file of the cluster. Unlike all other tests, scenarios follow it to other machines.
pub const CLUSTER: &str = "E2E_CLUSTER";
/// The registry that its nodes pull the operators' images from; none where they have them.
const REGISTRY: &str = "E2E_IMAGE_REGISTRY";
/// Their tag, if not that of the charts.
const TAG: &str = "E2E_IMAGE_TAG";
/// The address of this machine that its Pods reach.
const ADDRESS: &str = "E2E_ADDRESS";

/// A cluster that was there before, and that keeps all that it had.
#[derive(Debug)]
pub struct Theirs {
    /// The cluster.
    pub cluster: Cluster,
    /// Where its Pods reach what this process serves.
    pub address: IpAddr,
    /// Of which images charts make Pods.
    pub image: Value,
}

/// The kubeconfig file, if scenarios are to run on somebody's cluster.
pub fn named() -> Option<PathBuf> {
    let file = env::var_os(CLUSTER).filter(|it| !it.is_empty());
    file.map(PathBuf::from)
}

impl Theirs {
    /// Takes the cluster of this file.
    ///
    /// # Errors
    /// When it has something already that scenarios install and take away again, when its Pods are not known to reach
    /// this machine, or when it does not answer.
    pub async fn take(file: &Path) -> Result<Self> {
        let cluster = Cluster::from_kubeconfig(file).await?;
        require_free(&cluster, &cluster.client()?)
            .await
            .with_context(|| format!("the cluster of {}", file.display()))?;
        let address = address(&cluster).await?;
        let (registry, tag) = (said(REGISTRY)?, said(TAG)?);
        Ok(Self {
            cluster,
            address,
            image: json!({ "registry": registry, "tag": tag }),
        })
    }
}

/// Refuses a cluster with anything that scenarios would take away: it could not be told from theirs.
async fn require_free(cluster: &Cluster, client: &Client) -> Result<()> {
    let mut found = definitions::found(client).await?;
    let mut releases = releases::all(cluster)?;
    releases.retain(Listed::is_ours);
    let releases = releases.iter();
    found.extend(releases.map(|it| format!("release {}/{}", it.namespace, it.name)));
    ensure!(
        found.is_empty(),
        "it has {}. Scenarios install these, and take them away with all objects of their kinds, so they run only \
         where there are none; here they have changed nothing. Take another cluster. If these are what a run has left \
         that was ended early, delete them, and the namespaces with the label {}",
        found.join(", "),
        harness::cluster::OF_TESTS
    );
    Ok(())
}

async fn address(cluster: &Cluster) -> Result<IpAddr> {
    let told = said(ADDRESS)?;
    let address = if told.is_empty() {
        let near = nearest(cluster).await;
        near.with_context(|| format!("no connection to {}", cluster.url()))?
    } else {
        let read = told.parse::<IpAddr>();
        read.with_context(|| format!("{ADDRESS} is {told:?}; it is to be an IP address"))?
    };
    require_outer(address, &cluster.url())?;
    Ok(address)
}

/// Refuses what is an address of each Pod's own, as it is found where the API server is on this machine.
fn require_outer(address: IpAddr, api_server: &str) -> Result<()> {
    ensure!(
        !address.is_loopback() && !address.is_unspecified(),
        "Pods do not reach this machine at {address}, from where it reaches {api_server}: name an address at which they \
         do, by `--address` of `cargo xtask test` or by {ADDRESS}"
    );
    Ok(())
}

/// The address of this machine that the API server sees.
async fn nearest(cluster: &Cluster) -> Result<IpAddr> {
    let url = cluster.config().cluster_url;
    let host = url.host().context("no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(443))).await?;
    Ok(stream.local_addr()?.ip())
}

/// What a variable says, which may be nothing.
fn said(variable: &str) -> Result<String> {
    match env::var(variable) {
        Err(env::VarError::NotPresent) => Ok(String::new()),
        said => said.with_context(|| format!("the variable {variable}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_pods_have_themselves_is_refused() {
        for (address, outer) in [
            ("127.0.0.1", false),
            ("::1", false),
            ("0.0.0.0", false),
            ("172.18.0.1", true),
            ("fd00::1", true),
        ] {
            let judged = require_outer(address.parse().unwrap(), "https://127.0.0.1:6443");
            assert_eq!(judged.is_ok(), outer, "{address}");
            if let Err(error) = judged {
                assert!(error.to_string().contains("--address"), "{error}");
            }
        }
    }
}
