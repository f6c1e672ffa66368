//! What comes before the namespaces of a bench.

use std::env;
use std::process::Command;

use anyhow::{Result, ensure};
use harness::binaries::ASSETS;
use harness::scratch::Scratch;

/// Programs that are not there are missed before the network is left by which they could be had.
pub fn programs_are_looked_for_first() -> Result<()> {
    let empty = Scratch::new("assets")?;
    let entering = Command::new(env::current_exe()?)
        .args(["--exact", "no test of this name"])
        .env(ASSETS, empty.path())
        .env_remove(node::sandbox::LEFT)
        .output()?;
    let said = String::from_utf8_lossy(&entering.stderr);
    ensure!(
        !entering.status.success() && said.contains(ASSETS),
        "{}: {said}",
        entering.status
    );
    Ok(())
}
