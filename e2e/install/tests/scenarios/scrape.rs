//! Metrics as Prometheus gets them by a ServiceMonitor.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use harness::wait::{PATIENCE, until};
use harness::{Cluster, Namespace, User, UserRules, https};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Value, json};

/// Where Prometheus has the token of its own account.
const OWN_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Two accounts without a rule.
pub struct Readers {
    reader: User,
    other: User,
}

impl Readers {
    /// Makes them.
    pub async fn new(cluster: &Cluster) -> Result<Self> {
        Ok(Self {
            reader: cluster.user("prometheus", UserRules::default()).await?,
            other: cluster.user("somebody", UserRules::default()).await?,
        })
    }

    /// The value `metrics.readers`, which has one of them.
    pub fn value(&self) -> Result<Value> {
        let parts: Vec<&str> = self.reader.name().split(':').collect();
        let [.., namespace, name] = parts[..] else {
            bail!("an account is called {parts:?}");
        };
        Ok(json!([{ "namespace": namespace, "name": name }]))
    }

    /// Scrapes as the ServiceMonitor of a namespace says: who is a reader is answered, who is not is refused.
    pub async fn scrape(&self, namespace: &Namespace, monitors: &Api<DynamicObject>) -> Result<()> {
        let answered = || async {
            match ask(namespace, monitors, &self.reader).await {
                Ok((200, page)) if page.contains("operator_build_info") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        until("the metrics to be scraped", PATIENCE, answered).await?;
        let refused = || async {
            match ask(namespace, monitors, &self.other).await {
                Ok((403, page)) if !page.contains("# HELP") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        until("another account to be refused", PATIENCE, refused).await
    }
}

/// What an account is answered at the only endpoint of the only ServiceMonitor of a namespace.
async fn ask(
    namespace: &Namespace,
    monitors: &Api<DynamicObject>,
    account: &User,
) -> Result<(u16, String)> {
    let monitor = monitors.list(&ListParams::default()).await?.items.pop();
    let monitor = monitor.context("there is no ServiceMonitor")?;
    let spec = &monitor.data["spec"];
    let endpoint = &spec["endpoints"][0];
    let (scheme, token) = (&endpoint["scheme"], &endpoint["bearerTokenFile"]);
    ensure!(scheme == "https" && token == OWN_TOKEN, "{endpoint}");
    let own = json!([namespace.name()]);
    ensure!(spec["namespaceSelector"]["matchNames"] == own, "{spec}");

    let tls = &endpoint["tlsConfig"];
    let authority = &tls["ca"]["secret"];
    let secrets: Api<Secret> = namespace.api()?;
    let secret = secrets.get(text(&authority["name"])?).await?;
    let mut data = secret.data.unwrap_or_default();
    let authority = data.remove(text(&authority["key"])?);
    let authority = authority.context("the Secret has no such key")?.0;

    let address = address(namespace, spec, text(&endpoint["port"])?).await?;
    let (name, path) = (text(&tls["serverName"])?, text(&endpoint["path"])?);
    https::get_named(name, address, &authority, Some(account.token()), path).await
}

/// Where a Pod serves this port of the only Service that is selected.
async fn address(namespace: &Namespace, spec: &Value, port: &str) -> Result<SocketAddr> {
    let labels = spec["selector"]["matchLabels"].as_object();
    let labels = labels.context("no labels are selected")?.iter();
    let labels = labels.map(|(key, value)| Ok(format!("{key}={}", text(value)?)));
    let labels = labels.collect::<Result<Vec<String>>>()?.join(",");
    let services: Api<Service> = namespace.api()?;
    let found = services
        .list(&ListParams::default().labels(&labels))
        .await?;
    let [service] = &found.items[..] else {
        bail!("{} Services have {labels}", found.items.len());
    };

    let its = format!("kubernetes.io/service-name={}", service.name_any());
    let slices: Api<EndpointSlice> = namespace.api()?;
    let slices = slices.list(&ListParams::default().labels(&its)).await?;
    for slice in slices.items {
        let ports = slice.ports.unwrap_or_default();
        let number = ports.iter().find(|it| it.name.as_deref() == Some(port));
        let ready = slice.endpoints.iter().find(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|it| it.ready) != Some(false)
        });
        let address = ready.and_then(|it| it.addresses.first());
        if let (Some(number), Some(address)) = (number.and_then(|it| it.port), address) {
            return Ok(SocketAddr::new(address.parse()?, number.try_into()?));
        }
    }
    bail!("no Pod serves {port}")
}

fn text(value: &Value) -> Result<&str> {
    value
        .as_str()
        .with_context(|| format!("{value} is no text"))
}
