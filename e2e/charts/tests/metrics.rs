//! Metrics as Prometheus would have them: what is unusual is so on purpose.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::pending;

use anyhow::{Result, bail, ensure};
use charts::Promtool;
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

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_promised_is_named_otherwise_than_is_usual() -> Result<()> {
    let promtool = Promtool::new()?;
    let pages = [
        page::<cloud_operator::Config>(cloud_operator::rbac::metrics_reader(), &[]).await?,
        page::<apigw_operator::Config>(
            apigw_operator::rbac::metrics_reader(),
            &["--grpc-bind-address=0"],
        )
        .await?,
    ];
    let mut unusual = BTreeSet::new();
    for page in pages {
        for (metric, words) in promtool.check_metrics(&page)? {
            ensure!(words == NOT_A_COUNTER, "{metric} {words}");
            unusual.insert(metric);
        }
    }
    assert_eq!(unusual, BTreeSet::from(PROMISED.map(str::to_owned)));
    Ok(())
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
