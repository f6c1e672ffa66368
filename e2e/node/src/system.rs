//! Programs of the system that act on namespaces.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs `ip` with these options on commands, one a line; the first that fails ends it.
///
/// # Errors
/// When it cannot be started, or with what it says.
pub async fn ip(options: &[&str], commands: &str) -> Result<()> {
    let mut options = options.to_vec();
    options.extend(["-batch", "-"]);
    run("ip", "iproute2", &options, commands).await
}

/// Runs `mount`.
///
/// # Errors
/// As [`ip`].
pub async fn mount(arguments: &[&str]) -> Result<()> {
    run("mount", "util-linux", arguments, "").await
}

async fn run(program: &str, package: &str, arguments: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {program}; it comes with {package}"))?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let ended = child.wait_with_output().await?;
    ensure!(
        ended.status.success(),
        "`{program} {}` of\n{input}ended with {}: {}",
        arguments.join(" "),
        ended.status,
        String::from_utf8_lossy(&ended.stderr).trim()
    );
    Ok(())
}
