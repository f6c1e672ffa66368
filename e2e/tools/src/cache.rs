//! The folder that outlives a clone: `operator-suite/tools` of the user's cache.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The folder `name` of the cache, made by `build` if it is not there. Only one process makes it at a time, and it is there
/// whole or not at all.
///
/// # Errors
/// When it cannot be made.
pub fn folder(name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = home()?.join("tools");
    let folder = cache.join(name);
    if folder.exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()
        .with_context(|| format!("cannot lock {}.lock", folder.display()))?;
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("building {name} (once; kept in {})", folder.display());
    let work = tempfile::tempdir_in(&cache)?;
    let made = work.path().join("made");
    fs::create_dir(&made)?;
    build(&made)?;
    fs::rename(&made, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Runs a command that tells on its own what went wrong.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// The project's cache, shared with the harness and CI.
fn home() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => {
            let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(base.join("operator-suite"))
}
