//! Cargo's tools, from its registry.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache;

/// A tool and the one version that is used.
#[derive(Debug)]
pub struct CargoTool {
    package: &'static str,
    version: &'static str,
}

/// Bans, licences and sources of dependencies.
pub const DENY: CargoTool = CargoTool {
    package: "cargo-deny",
    version: "0.20.2",
};

/// Dependencies that nothing uses.
pub const MACHETE: CargoTool = CargoTool {
    package: "cargo-machete",
    version: "0.9.2",
};

impl CargoTool {
    /// The program, built first if the cache lacks it.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn program(&self) -> Result<PathBuf> {
        let Self { package, version } = self;
        let folder = cache::folder(&format!("{package}-{version}"), |folder| {
            // Not in the project's target folder: nothing of it is needed again. Unoptimized: it runs for
            // seconds and would build for minutes.
            let target = tempfile::tempdir()?;
            let mut install = Command::new("cargo");
            install
                .args(["install", "--quiet", "--locked", "--debug"])
                .arg(format!("{package}@{version}"))
                .arg("--root")
                .arg(folder)
                .arg("--target-dir")
                .arg(target.path());
            cache::run(&mut install)
                .with_context(|| format!("{package} {version} is built from the package registry"))
        })?;
        Ok(folder.join("bin").join(package))
    }
}
