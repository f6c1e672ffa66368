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
    let reader = scrape.user(rbac::metrics_reader()).await?;
    let nobody = scrape.user(Vec::new()).await?;
    for (token, expected) in [
        (Some(reader.token()), 200),
        (Some(nobody.token()), 403),
        (None, 401),
    ] {
        let (status, text) = scrape.get(token, "/metrics").await?;
        assert_eq!(status, expected, "{text}");
        let told = text.contains("avapigw_operator_build_info");
        assert_eq!(told, expected == 200, "{text}");
    }
    operator.stop().await
}
