//! Programs of the workspace.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use harness::process::Child;

/// How much of a log an error shows.
pub const LOG_LINES: usize = 20;

/// A program of the workspace: Cargo puts them side by side.
///
/// # Errors
/// When it is not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if !program.is_file() {
        bail!(
            "{} is not built; `cargo xtask demo` builds all that the demo needs",
            program.display()
        );
    }
    Ok(program)
}

/// Asks a running program to end (SIGTERM).
///
/// # Errors
/// When it has to be killed or says that something went wrong.
pub async fn ends_well(process: &Child) -> Result<()> {
    let status = process.stop(Duration::from_secs(30)).await;
    if !status.success() {
        let name = process.name();
        bail!("{name} was asked to end (SIGTERM) and ended with {status}");
    }
    Ok(())
}
