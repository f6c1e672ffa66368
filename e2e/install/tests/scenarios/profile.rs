//! A release with everything turned on that a chart can make for others.

use anyhow::{Context, Result, ensure};
use charts::{helms, others};
use harness::Namespace;
use harness::wait::{PATIENCE, until};
use install::{Ground, Release, Tenant, kubectl, values};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use crate::scrape::Readers;

const CHART: &str = "cloud-operator";

pub async fn with_everything(ground: &Ground) -> Result<()> {
    ground
        .cluster()
        .install_crds(others::definitions()?)
        .await?;
    // What kinds there are is told a moment after they are served, and Helm asks for them.
    let kinds = "servicemonitors,prometheusrules,certificates";
    let told = || async {
        let asked = kubectl(ground.cluster(), &["get", kinds]);
        asked.map_err(|error| format!("{error:#}"))
    };
    until("kinds of others to be known", PATIENCE, told).await?;
    let release = Release::new(ground, &helms()?[1], "everything").await?;
    let namespace = release.namespace();
    let limited = values::limited(&[namespace.name()]);
    let limited = values::with(values::cloud(ground), limited);
    let readers = Readers::new(ground.cluster()).await?;
    let everything = json!({
        "metrics": { "readers": readers.value()? },
        "dashboard": { "enabled": true },
        "networkPolicy": { "enabled": true },
        "podDisruptionBudget": { "enabled": true },
        "prometheusRule": { "enabled": true },
        "serviceMonitor": { "enabled": true },
    });
    let everything = values::with(limited, everything);
    let issuer = json!({ "mode": "cert-manager", "issuerRef": { "name": "authority" } });
    let by_others = json!({ "certificate": issuer });
    // The Pod starts when its certificate is issued.
    let rolling = release.roll_out(CHART, values::with(everything.clone(), by_others));
    let (issued, rolled) = tokio::join!(issue(namespace), rolling);
    issued?;
    rolled?;

    for (group, kind) in [
        ("cert-manager.io/v1", "Certificate"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ] {
        let found = objects(namespace, group, kind)?;
        let found = found.list(&ListParams::default()).await?.items.len();
        ensure!(found == 1, "{found} of kind {kind}");
    }
    let policies: Api<NetworkPolicy> = namespace.api()?;
    policies.get(CHART).await?;
    let budgets: Api<PodDisruptionBudget> = namespace.api()?;
    budgets.get(CHART).await?;

    let tenant = Tenant::within(ground, namespace);
    tenant.account_by_secret().await?;
    tenant.has_bucket("data").await?;

    let monitors = objects(namespace, "monitoring.coreos.com/v1", "ServiceMonitor")?;
    readers.scrape(namespace, &monitors).await?;
    // With the operator's own authority.
    release.roll_out(CHART, everything).await?;
    readers.scrape(namespace, &monitors).await
}

/// Issues what a Certificate asks for, as cert-manager would.
async fn issue(namespace: &Namespace) -> Result<()> {
    let certificates = objects(namespace, "cert-manager.io/v1", "Certificate")?;
    let all = ListParams::default();
    let asked = || async {
        let found = certificates.list(&all).await.map_err(|e| e.to_string())?;
        let first = found.items.first().map(ResourceExt::name_any);
        first.map(drop).ok_or_else(|| "there is none".to_owned())
    };
    until("a Certificate", 2 * PATIENCE, asked).await?;
    let asked = certificates.list(&all).await?.items.pop();
    let asked = asked.context("the Certificate is gone")?;
    let spec = &asked.data["spec"];
    let names = serde_json::from_value::<Vec<String>>(spec["dnsNames"].clone())?;
    let issued = rcgen::generate_simple_self_signed(names)?;
    let certificate = issued.cert.pem();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": spec["secretName"], "namespace": namespace.name() },
        "stringData": {
            "ca.crt": certificate, "tls.crt": certificate, "tls.key": issued.signing_key.serialize_pem(),
        },
    });
    namespace.cluster().apply(secret).await.map(drop)
}

fn objects(namespace: &Namespace, version: &str, kind: &str) -> Result<Api<DynamicObject>> {
    let (group, version) = version.split_once('/').context("a group and a version")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let client = namespace.client()?;
    Ok(Api::namespaced_with(client, namespace.name(), &resource))
}
