//! Cargo's tools that `lint` needs: fixed versions, built once, kept in our cache.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// A tool and the one version that is used, so that every machine finds the same faults.
pub struct Tool {
    package: &'static str,
    version: &'static str,
}

/// Bans, licences and sources of dependencies.
pub const DENY: Tool = Tool {
    package: "cargo-deny",
    version: "0.20.2",
};

/// Dependencies that nothing uses.
pub const MACHETE: Tool = Tool {
    package: "cargo-machete",
    version: "0.9.2",
};

impl Tool {
    /// The program, built first if the cache lacks it.
    pub fn program(&self, sh: &Shell) -> Result<PathBuf> {
        let Self { package, version } = self;
        let folder = cache()?.join("tools").join(format!("{package}-{version}"));
        let program = folder.join("bin").join(package);
        if !program.exists() {
            eprintln!(
                "building {package} {version} (once; kept in {})",
                folder.display()
            );
            // Not in the project's target folder: nothing of it is needed again. Unoptimized: it runs for
            // seconds and would build for minutes.
            let target = sh.create_temp_dir()?;
            let target = target.path();
            cmd!(
                sh,
                "cargo install --quiet --locked --debug {package}@{version} --root {folder} --target-dir {target}"
            )
            .quiet()
            .run()
            .with_context(|| {
                format!("{package} {version} is needed by `cargo xtask lint`; it is built from the package registry")
            })?;
        }
        Ok(program)
    }
}

/// The project's cache, shared with the harness and CI.
fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => {
            let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(base.join("operator-suite"))
}
