//! Metrics as Prometheus would have them: what is unusual is so on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::future::pending;

use anyhow::{Result, bail, ensure};
use charts::{Promtool, root};
use harness::{ControlPlane, Scrape};
use k8s_openapi::api::rbac::v1::PolicyRule;
use operator_core::decide::clock::Clock;
use operator_core::process::config::{Inputs, load};
use operator_core::process::program::Program;

/// Gauges whose names were promised before.
const PROMISED: [&str; 3] = [
    "avapigw_operator_crds_total",
    "avapigw_operator_resources_total",
    "infra_operator_resources_total",
];
const NOT_A_COUNTER: &str = "non-counter metrics should not have \"_total\" suffix";

#[test]
fn only_what_was_promised_is_named_otherwise_than_is_usual() -> Result<()> {
    let unusual = Promtool::new()?.check_metrics(&documented()?)?;
    let promised = PROMISED.map(|name| (name.to_owned(), NOT_A_COUNTER.to_owned()));
    assert_eq!(
        BTreeSet::from_iter(unusual),
        BTreeSet::from(promised),
        "each promised name is an exception, and there is no other"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_as_prometheus_reads_them() -> Result<()> {
    let promtool = Promtool::new()?;
    let pages = [
        page::<cloud_operator::Config>(cloud_operator::rbac::metrics_reader(), &[]).await?,
        page::<apigw_operator::Config>(
            apigw_operator::rbac::metrics_reader(),
            &["--grpc-bind-address=0"],
        )
        .await?,
    ];
    for page in pages {
        for (metric, words) in promtool.check_metrics(&page)? {
            let is_promised = PROMISED.contains(&&*metric) && words == NOT_A_COUNTER;
            ensure!(is_promised, "{metric} {words}");
        }
    }
    Ok(())
}

/// A page with each family that is documented, which are those that operators serve: promtool looks at no family that
/// has no sample yet.
fn documented() -> Result<String> {
    let document = fs::read_to_string(root().join("docs/metrics.md"))?;
    let mut families = BTreeMap::new();
    for line in document.lines() {
        let cells: Vec<_> = line.split(" | ").collect();
        if let [
            name,
            kind @ ("counter" | "gauge" | "histogram"),
            ..,
            meaning,
        ] = cells[..]
        {
            families.insert(
                name.trim_matches(['|', ' ', '`']),
                (kind, meaning.trim_matches(['|', ' '])),
            );
        }
    }
    ensure!(families.len() > 50, "{} families", families.len());
    let told = families.into_iter().map(|(name, (kind, meaning))| {
        let head = format!("# HELP {name} {meaning}\n# TYPE {name} {kind}\n");
        head + &match kind {
            "histogram" => {
                format!("{name}_bucket{{le=\"+Inf\"}} 1\n{name}_sum 1\n{name}_count 1\n")
            }
            _ => format!("{name} 1\n"),
        }
    });
    Ok(told.collect())
}

/// What an operator serves that sees one namespace.
async fn page<P: Program>(rights: Vec<PolicyRule>, more: &[&str]) -> Result<String> {
    let cluster = ControlPlane::shared().await?;
    let namespace = cluster.namespace("metrics").await?;
    let name = namespace.name();
    let scrape = Scrape::of(cluster, name, P::NAME)?;
    let settings = [
        "operator".to_owned(),
        format!("--watch-namespaces={name}"),
        format!("--leader-election-namespace={name}"),
        format!("--pod-name={name}"),
        "--health-probe-bind-address=0".to_owned(),
    ];
    let more = more.iter().map(|&setting| setting.to_owned());
    let settings = settings.into_iter().chain(scrape.settings()).chain(more);
    let loaded = load::<P>(&Inputs {
        args: settings.map(OsString::from).collect(),
        env: &|_| None,
        facts: &[],
    });
    let config = loaded
        .map_err(|refused| anyhow::anyhow!("{refused}"))?
        .settings;
    let operator = config.run(cluster.client()?, Clock::system(), pending());
    tokio::select! {
        ended = Box::pin(operator) => bail!("the operator has ended: {ended:?}"),
        page = scrape.guarded(rights) => page,
    }
}
