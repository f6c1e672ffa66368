//! Holds what an operator serves as metrics against the tables of `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

const DOCUMENT: &str = include_str!("../../../docs/metrics.md");
/// A process may have no limit, and meet no fault.
const OPTIONAL: [&str; 2] = ["process_max_fds", "operator_faults_total"];

/// A family as a table has it.
struct Row {
    kind: &'static str,
    labels: BTreeSet<&'static str>,
}

/// Whether the page of the operator of this name has the families that are documented for every operator and for
/// this one, and no others: names, types and labels.
///
/// # Errors
/// What differs.
pub fn documented(page: &str, operator: &str) -> Result<()> {
    let rows = rows(operator)?;
    let served = families(page)?;
    for (name, kind) in &served {
        let row = rows.get(name);
        let row = row.with_context(|| format!("{name} is not documented"))?;
        ensure!(row.kind == *kind, "{name} is a {kind}");
    }
    for name in rows.keys().filter(|name| !OPTIONAL.contains(name)) {
        ensure!(served.contains_key(name), "{name} is not served");
    }
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (sample, _) = line.rsplit_once(' ').context("a sample")?;
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let parts = ["_bucket", "_sum", "_count"];
        let family = parts.iter().find_map(|part| name.strip_suffix(part));
        let family = family.filter(|family| rows.contains_key(family));
        let row = rows.get(family.unwrap_or(name));
        let row = row.with_context(|| format!("whose is {sample}?"))?;
        let labels = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once("=\"")?.0));
        let labels: BTreeSet<_> = labels.filter(|label| *label != "le").collect();
        ensure!(labels == row.labels, "the labels of {sample}");
    }
    Ok(())
}

fn rows(operator: &str) -> Result<BTreeMap<&'static str, Row>> {
    let sections = ["every operator".to_owned(), format!("`{operator}`")];
    let sections = sections.map(|section| format!("## Of {section}"));
    let mut rows = BTreeMap::new();
    let mut concerns_it = false;
    for line in DOCUMENT.lines() {
        if line.starts_with("## ") {
            concerns_it = sections.iter().any(|section| section == line);
        }
        if !concerns_it || !line.starts_with("| `") {
            continue;
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let ["", name, kind, labels, meaning, ""] = cells[..] {
            ensure!(!meaning.is_empty(), "{line}");
            let labels = labels.split(", ").filter(|label| !label.is_empty());
            let labels = labels.collect();
            rows.insert(name.trim_matches('`'), Row { kind, labels });
        }
    }
    Ok(rows)
}

fn families(page: &str) -> Result<BTreeMap<&str, &str>> {
    let mut served = BTreeMap::new();
    let mut helped = "";
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').context("a help")?;
            ensure!(!help.is_empty(), "{name} has no help");
            helped = name;
        }
        let family = line.strip_prefix("# TYPE ");
        if let Some((name, kind)) = family.and_then(|it| it.split_once(' ')) {
            ensure!(helped == name, "HELP of {helped}, and TYPE of {name}");
            served.insert(name, kind);
        }
    }
    Ok(served)
}
