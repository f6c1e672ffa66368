//! That what `docs/install.md` has for Argo CD and Flux fits the charts: values, versions, and the names of what they make.

use std::fs;

use anyhow::{Context, Result, ensure};
use charts::{Rendered, helms};
use serde_json::Value;

use crate::root;

const CHART: &str = "cloud-operator";

/// All documents in the page's blocks of YAML.
fn documents() -> Result<Vec<Value>> {
    let page = fs::read_to_string(root()?.join("docs/install.md"))?;
    let mut documents = Vec::new();
    for block in page.split("```yaml\n").skip(1) {
        let (text, _) = block.split_once("```").context("a block ends")?;
        let read = serde_saphyr::from_multiple::<Value>(text);
        documents.extend(read.with_context(|| text.to_owned())?);
    }
    Ok(documents)
}

/// The only document of a kind.
fn document(kind: &str) -> Result<Value> {
    let mut found = documents()?;
    found.retain(|it| it["kind"] == kind);
    ensure!(found.len() == 1, "{} of kind {kind}", found.len());
    found.pop().with_context(|| kind.to_owned())
}

/// What each Helm makes of these values.
fn rendered(namespace: &Value, values: &Value) -> Result<Vec<Rendered>> {
    let namespace = namespace.as_str().context("a namespace")?;
    ensure!(values.is_object(), "no values: {values}");
    let helms = helms()?.iter();
    let made = helms.map(|helm| helm.template(CHART, namespace, values));
    let made = made.collect::<Result<Vec<_>>>()?;
    for rendered in &made {
        let image = rendered.container()?["image"].as_str();
        let is_of_registry = image.is_some_and(|it| it.starts_with("REGISTRY/"));
        ensure!(is_of_registry, "it asks for {image:?}");
    }
    Ok(made)
}

#[test]
fn an_application_of_argo_cd_fits_the_chart() -> Result<()> {
    let application = document("Application")?;
    let (spec, source) = (&application["spec"], &application["spec"]["source"]);
    ensure!(source["chart"] == CHART, "{source}");
    let version = env!("CARGO_PKG_VERSION");
    ensure!(source["targetRevision"] == version, "{source}");
    let values = &source["helm"]["valuesObject"];
    let ignored = spec["ignoreDifferences"].as_array().context("a list")?;
    for rendered in rendered(&spec["destination"]["namespace"], values)? {
        for ignored in ignored {
            let text = |field: &str| ignored[field].as_str().context("a text");
            let made = rendered.named(text("kind")?, text("name")?)?;
            let version = made["apiVersion"].as_str().unwrap_or_default();
            ensure!(version.starts_with(text("group")?), "{made}");
            let client = &made["webhooks"][0]["clientConfig"];
            let bundle = &ignored["jqPathExpressions"][0];
            ensure!(bundle == ".webhooks[].clientConfig.caBundle", "{ignored}");
            ensure!(client["caBundle"].is_null(), "the chart has it: {client}");
            ensure!(client["service"].is_object(), "{made}");
        }
    }
    Ok(())
}

#[test]
fn a_helm_release_of_flux_fits_the_chart() -> Result<()> {
    let (release, source) = (document("HelmRelease")?, document("OCIRepository")?);
    let spec = &release["spec"];
    ensure!(spec["chartRef"]["kind"] == source["kind"], "{spec}");
    ensure!(
        spec["chartRef"]["name"] == source["metadata"]["name"],
        "{spec}"
    );
    let url = source["spec"]["url"].as_str().context("a URL")?;
    ensure!(url.ends_with(&format!("/{CHART}")), "{url}");
    let version = env!("CARGO_PKG_VERSION");
    ensure!(source["spec"]["ref"]["tag"] == version, "{source}");
    rendered(&release["metadata"]["namespace"], &spec["values"]).map(drop)
}

#[test]
fn what_flux_is_to_wait_for_is_of_our_kinds() -> Result<()> {
    let documents = documents()?;
    let lists = documents.iter().map(|it| &it["healthCheckExprs"]);
    let checks: Vec<&Value> = lists.filter_map(Value::as_array).flatten().collect();
    ensure!(!checks.is_empty(), "there are none");
    let kinds = crd_types::crds().into_iter().flat_map(|it| {
        let (group, kind) = (it.spec.group, it.spec.names.kind);
        let versions = it.spec.versions.into_iter();
        versions.map(move |it| (format!("{group}/{}", it.name), kind.clone()))
    });
    let kinds: Vec<(String, String)> = kinds.collect();
    for check in checks {
        let named = |(version, kind): &(String, String)| {
            check["apiVersion"] == **version && check["kind"] == **kind
        };
        ensure!(kinds.iter().any(named), "there is no such kind: {check}");
    }
    Ok(())
}
