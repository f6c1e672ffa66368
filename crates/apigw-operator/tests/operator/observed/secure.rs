//! `/metrics` as it is served by default.

use anyhow::Result;
use apigw_operator::rbac;
use harness::Scrape;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_by_default_for_whoever_has_the_right() -> Result<()> {
    let stage = Stage::new("secure").await?;
    let namespace = stage.namespace.name();
    let scrape = Scrape::of(&stage.cluster, namespace, apigw_operator::NAME)?;
    let settings = scrape.settings();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let operator = stage.operator_with(&settings)?;
    let page = scrape.guarded(rbac::metrics_reader()).await?;
    assert!(page.contains("avapigw_operator_build_info"), "{page}");
    operator.stop().await
}
