//! Charts as archives make what they make in a clone, wherever the archive is made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::matrix::{Case, cases};
use charts::{Helm, KUBERNETES, Links, chart, copy, helms, root};
use serde_json::Value;

/// The cases with the most objects, one for each chart.
fn whole() -> impl Iterator<Item = Case> {
    let names = ["everything watched", "all operators"];
    cases()
        .into_iter()
        .filter(move |case| names.contains(&case.name))
}

fn is_whole(helm: &Helm, case: &Case, archive: &Path) -> Result<()> {
    let made = helm.template_of(archive, KUBERNETES, "here", &case.values)?;
    let wanted = helm.template(case.chart, "here", &case.values)?;
    ensure!(made == wanted, "{}: {}", helm.name, archive.display());
    Ok(())
}

#[test]
fn an_archive_of_a_clone_is_whole() -> Result<()> {
    for helm in helms()? {
        let folder = tempfile::tempdir()?;
        for case in whole() {
            let archive = helm.package(&chart(case.chart), folder.path())?;
            is_whole(helm, &case, &archive)?;
        }
    }
    Ok(())
}

/// Flux takes no links from a Git repository, and adds what a chart depends on, but not what that depends on in turn.
#[test]
fn an_archive_of_a_source_without_links_is_whole() -> Result<()> {
    for helm in helms()? {
        for case in whole() {
            let folder = tempfile::tempdir()?;
            let (source, here) = (chart(case.chart), folder.path().join(case.chart));
            copy(&source, &here, Links::LeftOut)?;
            let about: Value =
                serde_saphyr::from_str(&fs::read_to_string(here.join("Chart.yaml"))?)?;
            let dependencies = about["dependencies"].as_array().context("dependencies")?;
            for dependency in dependencies {
                let name = dependency["name"].as_str().context("a name")?;
                let place = dependency["repository"].as_str().context("a place")?;
                let place = place.strip_prefix("file://").context("a folder")?;
                let into = here.join("charts").join(name);
                ensure!(!into.exists(), "a link was followed: {}", into.display());
                copy(&source.join(place), &into, Links::LeftOut)?;
            }
            let archive = helm.package(&here, folder.path())?;
            is_whole(helm, &case, &archive)?;
        }
    }
    Ok(())
}

/// Argo CD refuses a repository with a link that leads out of it.
#[test]
fn links_lead_to_charts() -> Result<()> {
    let charts = root().join("charts").canonicalize()?;
    let mut links = 0;
    for chart in fs::read_dir(&charts)? {
        let Ok(linked) = fs::read_dir(chart?.path().join("charts")) else {
            continue;
        };
        for link in linked {
            let link = link?;
            let told = fs::read_link(link.path())?;
            ensure!(told.is_relative(), "{}", told.display());
            let target = link.path().canonicalize()?;
            ensure!(target.parent() == Some(&*charts), "{}", target.display());
            ensure!(target.file_name() == Some(&*link.file_name()));
            links += 1;
        }
    }
    ensure!(links >= 5, "{links} links");
    Ok(())
}
