//! What scenarios are told of somebody's cluster.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use clap::Args;
use xshell::Cmd;

/// Names its kubeconfig file.
const CLUSTER: &str = "E2E_CLUSTER";
const REGISTRY: &str = "E2E_IMAGE_REGISTRY";
const TAG: &str = "E2E_IMAGE_TAG";
const ADDRESS: &str = "E2E_ADDRESS";

/// Somebody's cluster, beside its kubeconfig file.
#[derive(Args)]
pub struct Theirs {
    /// With `--e2e --kubeconfig`: where the cluster pulls the operators' images from, if its nodes have not got them
    #[arg(long, value_name = "HOST/PATH", requires_all = ["e2e", "kubeconfig"])]
    registry: Option<String>,

    /// With `--e2e --kubeconfig`: the images' tag, if it is not the charts' version
    #[arg(long, requires_all = ["e2e", "kubeconfig"])]
    tag: Option<String>,

    /// With `--e2e --kubeconfig`: where Pods reach this machine, if not at the address that the API server sees. AWS's
    /// stand-in listens there
    #[arg(long, value_name = "IP", requires_all = ["e2e", "kubeconfig"])]
    address: Option<IpAddr>,
}

impl Theirs {
    /// Has a command know all of it.
    pub fn tell<'a>(&self, command: Cmd<'a>, kubeconfig: &Path) -> Result<Cmd<'a>> {
        let address = self.address.map(|it| it.to_string()).unwrap_or_default();
        Ok(command
            .env(CLUSTER, std::path::absolute(kubeconfig)?)
            .env(REGISTRY, self.registry.as_deref().unwrap_or_default())
            .env(TAG, self.tag.as_deref().unwrap_or_default())
            .env(ADDRESS, address))
    }
}
