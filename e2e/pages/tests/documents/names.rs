//! What pages that are written by hand name is there under that name: metrics, charts' values, reasons.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::markdown::Page;
use crate::{pages, root};

/// Pages that are made, or that tell of what others were called.
const LEFT_OUT: [&str; 6] = [
    "alerts.md",
    "errors.md",
    "iam.md",
    "metrics.md",
    "migration-apigw.md",
    "migration-cloud.md",
];
/// How metrics begin.
const FAMILIES: [&str; 7] = [
    "avapigw_operator_",
    "controller_runtime_",
    "infra_operator_",
    "leader_election_",
    "operator_",
    "process_",
    "workqueue_",
];

/// The pages directly in `docs/` that this is about, with their names.
fn written() -> Result<Vec<(String, Page)>> {
    let docs = root()?.join("docs");
    let mut written = Vec::new();
    for (file, page) in pages()? {
        let name = file.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        if file.parent() == Some(docs.as_path()) && !LEFT_OUT.contains(&name.as_str()) {
            written.push((name, page));
        }
    }
    ensure!(written.len() >= 9, "{} pages", written.len());
    Ok(written)
}

/// What stands first in the rows of a page's tables.
fn rows(page: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(root()?.join(page))?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| Some(row.split_once("` |")?.0.to_owned()));
    let names: BTreeSet<_> = names.collect();
    ensure!(!names.is_empty(), "{} has no table", page.display());
    Ok(names)
}

fn rows_of(pages: &[&str]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for page in pages {
        names.extend(rows(page.as_ref())?);
    }
    Ok(names)
}

#[test]
fn metrics_are_served() -> Result<()> {
    let known = rows_of(&["docs/metrics.md"])?;
    let mut seen = 0;
    for (name, page) in written()? {
        let is_metric = |code: &&String| FAMILIES.iter().any(|family| code.starts_with(*family));
        for code in page.code.iter().filter(is_metric) {
            ensure!(known.contains(code), "{name}: there is no metric {code}");
            seen += 1;
        }
    }
    ensure!(seen >= 5, "{seen} metrics were found");
    Ok(())
}

#[test]
fn values_are_those_of_the_charts() -> Result<()> {
    let known = rows_of(&[
        "charts/apigw-operator/README.md",
        "charts/cloud-operator/README.md",
    ])?;
    let first = |name: &str| name.split('.').next().map(str::to_owned);
    let groups: BTreeSet<_> = known.iter().filter_map(|name| first(name)).collect();
    let mut seen = 0;
    for (page, it) in written()? {
        for code in &it.code {
            // As in `replicaCount: 2`, or `image.registry=REGISTRY`.
            let name = code.split([':', '=', ' ']).next().unwrap_or(code);
            let is_value = |c: char| c.is_ascii_alphanumeric() || c == '.';
            let in_a_group = first(name).is_some_and(|it| groups.contains(&it));
            if !name.contains('.') || !name.chars().all(is_value) || !in_a_group {
                continue;
            }
            let is_group = |value: &String| value.starts_with(&format!("{name}."));
            let found = known.contains(name) || known.iter().any(is_group);
            ensure!(found, "{page}: no chart has the value {name}");
            seen += 1;
        }
    }
    ensure!(seen >= 30, "{seen} values were found");
    Ok(())
}

#[test]
fn reasons_to_look_for_are_given() -> Result<()> {
    let known = rows_of(&[
        "docs/conditions/apigw-operator.md",
        "docs/conditions/cloud-operator.md",
    ])?;
    let kinds: BTreeSet<_> = crd_types::crds()
        .into_iter()
        .map(|crd| crd.spec.names.kind)
        .collect();
    let pages = written()?;
    let troubleshooting = pages.iter().find(|(name, _)| name == "troubleshooting.md");
    let (_, page) = troubleshooting.context("a page")?;
    let mut seen = 0;
    for code in page.code.iter().filter(|code| is_camel_case(code)) {
        let is_known = known.contains(code) || kinds.contains(code);
        ensure!(is_known, "no object says {code}");
        seen += 1;
    }
    ensure!(seen >= 15, "{seen} reasons were found");
    Ok(())
}

fn is_camel_case(code: &str) -> bool {
    code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.chars().all(|c| c.is_ascii_alphanumeric())
        && code.contains(|c: char| c.is_ascii_lowercase())
}
