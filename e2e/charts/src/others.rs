//! The definitions of what charts make for others than the operators.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tools::{CERT_MANAGER, PROMETHEUS_OPERATOR};

/// The kinds.
pub const KINDS: [&str; 3] = ["ServiceMonitor", "PrometheusRule", "Certificate"];

/// Their definitions, by those who made them.
///
/// # Errors
/// When they cannot be had.
pub fn definitions() -> Result<Vec<CustomResourceDefinition>> {
    let mut found = Vec::new();
    for folder in [PROMETHEUS_OPERATOR.folder()?, CERT_MANAGER.folder()?] {
        for entry in fs::read_dir(&folder)? {
            found.extend(definition(&entry?.path())?);
        }
    }
    for kind in KINDS {
        ensure!(
            found.iter().any(|it| it.spec.names.kind == kind),
            "no definition of {kind}"
        );
    }
    Ok(found)
}

/// The definition in a file, if it is of a kind that charts make.
fn definition(file: &Path) -> Result<Option<CustomResourceDefinition>> {
    let text = fs::read_to_string(file)?;
    let names = |kind: &&str| text.contains(&format!("\n    kind: {kind}\n"));
    if !KINDS.iter().any(names) {
        return Ok(None);
    }
    let read = serde_saphyr::from_str(&text);
    read.map(Some)
        .with_context(|| format!("{}", file.display()))
}
