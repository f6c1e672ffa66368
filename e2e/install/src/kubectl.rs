//! kubectl, as users have it.

use anyhow::{Context, Result, ensure};
use harness::Cluster;

/// Runs it with these arguments for a cluster.
///
/// # Errors
/// kubectl's own words where it fails.
pub fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<()> {
    let mut kubectl = cluster.kubectl();
    let answer = kubectl.args(arguments).output();
    let answer = answer.context("cannot run kubectl")?;
    ensure!(
        answer.status.success(),
        "kubectl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&answer.stderr)
    );
    Ok(())
}
