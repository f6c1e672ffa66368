//! Alerts and panels that ask for what there is.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use charts::matrix::OPERATORS;
use charts::{Rendered, helms, root};
use serde_json::{Value, json};

fn render(chart: &str) -> Result<Rendered> {
    let values = json!({
        "serviceMonitor": { "enabled": true }, "prometheusRule": { "enabled": true }, "dashboard": { "enabled": true },
    });
    helms()?[1].template(chart, "here", &values)
}

#[test]
fn alerts_and_panels_ask_for_metrics_that_are_documented() -> Result<()> {
    let document = fs::read_to_string(root().join("docs/metrics.md"))?;
    let documented: BTreeSet<_> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        // Names of earlier operators have no type.
        .filter(|(_, rest)| {
            ["counter", "gauge", "histogram"]
                .iter()
                .any(|it| rest.starts_with(it))
        })
        .map(|(name, _)| name)
        .collect();
    for chart in OPERATORS {
        let rendered = render(chart)?;
        let rules = rendered.only("PrometheusRule")?["spec"].to_string();
        let dashboards = rendered
            .kind("ConfigMap")
            .filter_map(|it| it["data"].as_object());
        let pages =
            dashboards.flat_map(|data| data.iter().filter(|(name, _)| name.ends_with(".json")));
        let pages: Vec<_> = pages.filter_map(|(_, page)| page.as_str()).collect();
        ensure!(pages.len() == 1, "{chart}: {} dashboards", pages.len());
        let page: Value = serde_json::from_str(pages[0]).context("a dashboard is JSON")?;
        let panels = page["panels"].as_array().context("panels")?;
        ensure!(panels.len() >= 14, "{chart}: {} panels", panels.len());
        let asked: BTreeSet<_> = metrics(&rules).chain(metrics(pages[0])).collect();
        ensure!(asked.len() > 20, "{asked:?}");
        for metric in asked {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| metric.strip_suffix(part));
            let is_known =
                documented.contains(metric) || family.is_some_and(|it| documented.contains(it));
            ensure!(is_known, "{chart}: {metric} is not documented");
        }
    }
    Ok(())
}

/// The key of an installation's dashboard, and the dashboard.
fn dashboard(namespace: &str) -> Result<(String, Value)> {
    let values = json!({ "dashboard": { "enabled": true } });
    let rendered = helms()?[1].template("cloud-operator", namespace, &values)?;
    let data = &rendered.named("ConfigMap", "cloud-operator-dashboard")?["data"];
    let mut dashboards = data.as_object().context("data")?.iter();
    let (key, page) = dashboards.next().context("a dashboard")?;
    let page = serde_json::from_str(page.as_str().context("a text")?)?;
    Ok((key.clone(), page))
}

#[test]
fn dashboards_of_two_installations_are_two() -> Result<()> {
    let (first, other) = (
        dashboard("the-namespace-of-the-whole-platform-one")?,
        dashboard("the-namespace-of-the-whole-platform-two")?,
    );
    ensure!(first.0 != other.0, "both are {}", first.0);
    let uids = [&first.1["uid"], &other.1["uid"]].map(|uid| uid.as_str().unwrap_or_default());
    ensure!(uids[0] != uids[1], "both are {}", uids[0]);
    // What Grafana allows.
    ensure!(
        uids.iter().all(|it| (1..=40).contains(&it.len())),
        "{uids:?}"
    );
    Ok(())
}

/// The names before selectors.
fn metrics(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(end, _)| {
        let before = &text[..end];
        let start = before.rfind(|c: char| !(c.is_ascii_lowercase() || c == '_'))? + 1;
        let name = &before[start..];
        (name.contains('_')).then_some(name)
    })
}
