//! The Kubernetes that charts allow, and the oldest one that the tests run on.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{chart, matrix::INSTALLED, root};
use harness::binaries::Release;
use serde_json::Value;

#[test]
fn every_chart_is_tried() -> Result<()> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root().join("charts"))? {
        let folder = entry?;
        if folder.path().join("Chart.yaml").exists() {
            found.insert(folder.file_name().to_string_lossy().into_owned());
        }
    }
    let tried = INSTALLED.into_iter().chain(["operator-library"]);
    assert_eq!(found, tried.map(str::to_owned).collect());
    Ok(())
}

#[test]
fn charts_allow_what_the_tests_run_on_and_nothing_older() -> Result<()> {
    let version = Release::Oldest.version();
    let (minor, _) = version.rsplit_once('.').context("it has a patch number")?;
    let allowed = format!(">={}.0-0", minor.trim_start_matches('v'));
    for name in INSTALLED.into_iter().chain(["operator-library"]) {
        let file = chart(name).join("Chart.yaml");
        let described: Value = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
        ensure!(
            described["kubeVersion"] == allowed,
            "{}: kubeVersion is {}, and the oldest that is tried is {version}",
            file.display(),
            described["kubeVersion"]
        );
    }
    Ok(())
}
