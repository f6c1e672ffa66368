//! A cluster as it is reached from the network that it has left, which here is that of the tests.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::Cluster;
use harness::process;
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;
use node::{Bench, NAME, sandbox};

use crate::stage::same;

/// Starts one for work by hand, and does what it says. The tests' own has made the loopback that leads there.
pub async fn reached(_: &Bench) -> Result<()> {
    let folder = Scratch::new("outside")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
    // It leaves this bench's namespaces for its own.
    command.env_remove(sandbox::LEFT);
    let cluster = process::spawn(command, &folder.path().join("cluster.log"))?;
    let says = || async {
        let said = cluster.log_tail(usize::MAX);
        match cluster.try_wait() {
            None if !said.contains("# nsenter ") => Err(said),
            _ => Ok(()),
        }
    };
    until("the cluster to say how it is reached", 2 * PATIENCE, says).await?;
    let said = cluster.log_tail(usize::MAX);
    let line = |start: &str| {
        let found = said.lines().find_map(|line| line.strip_prefix(start));
        found.with_context(|| format!("no {start:?} in {said}"))
    };

    let kubeconfig = Path::new(line("export KUBECONFIG=")?);
    let outside = Cluster::from_kubeconfig(kubeconfig).await?;
    outside.require_local()?;
    Api::<Node>::all(outside.client()?).get(NAME).await?;

    let listed = Command::new("nsenter")
        .args(line("# nsenter ")?.split(' '))
        .args(["--", "ls", "/run/node"])
        .output()?;
    same(
        String::from_utf8_lossy(&listed.stdout).as_ref(),
        "etc\npods\n",
    )?;

    let status = cluster.stop(2 * PATIENCE).await;
    ensure!(status.success(), "{status}: {}", cluster.log_tail(20));
    ensure!(!kubeconfig.exists(), "{} is left", kubeconfig.display());
    Ok(())
}
