//! Where the operators are to run, decided before anything is started.

use std::path::PathBuf;

use anyhow::Result;
use charts::Helm;
use harness::binaries::Binaries;
use node::{Doorway, sandbox};
use tokio::runtime::Runtime;

/// Where the operators are to run, and for which cluster.
pub enum Place {
    /// In Pods of a cluster of ours, to which this leads.
    Pods(Doorway),
    /// On this machine, beside a control plane of ours, as there can be no Pods; with what stands in the way.
    Processes(String),
    /// On this machine, for the cluster of this kubeconfig file.
    Theirs(PathBuf),
}

impl Place {
    /// In a cluster of ours. Where there can be Pods, this process is replaced by itself, in namespaces of its own, and
    /// this function returns there.
    ///
    /// # Errors
    /// When there is no control plane to start, or there can be no Pods and nothing else will do.
    pub fn ours(runtime: &Runtime, pods_only: bool) -> Result<Self> {
        if sandbox::is_inside()? {
            return Doorway::enter().map(Self::Pods);
        }
        let binaries = runtime.block_on(Binaries::find())?;
        match for_pods(&binaries).and_then(|()| Doorway::enter()) {
            Ok(doorway) => Ok(Self::Pods(doorway)),
            Err(why) if pods_only => Err(why.context("--pods-only: no Pods can run here")),
            Err(why) => Ok(Self::Processes(format!("{why:#}"))),
        }
    }
}

/// Looks for all that Pods take, and builds what would have no network to be built from inside.
fn for_pods(binaries: &Binaries) -> Result<()> {
    binaries.require_pods()?;
    sandbox::this_program()?;
    Helm::present().map(drop)
}
