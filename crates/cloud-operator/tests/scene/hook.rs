//! The operator's webhooks, known to the API server for the scene's namespace alone.

use anyhow::Result;
use cloud_operator::admission::configuration;
use harness::{port::Port, wait};
use k8s_openapi::{
    api::admissionregistration::v1::{ValidatingWebhookConfiguration, WebhookClientConfig},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::Value;

use super::{PATIENCE, Scene};

/// Webhooks on a free port.
pub struct Hook {
    namespace: String,
    port: Port,
    configurations: Api<ValidatingWebhookConfiguration>,
}

impl Hook {
    pub fn new(scene: &Scene) -> Result<Self> {
        Ok(Self {
            namespace: scene.namespace.name().to_owned(),
            port: Port::reserve()?,
            configurations: Api::all(scene.cluster.client()?),
        })
    }

    /// Where they are served.
    pub fn address(&self) -> std::net::SocketAddr {
        self.port.address()
    }

    /// The name of its configuration.
    pub fn name(&self) -> &str {
        &self.namespace
    }

    /// The settings of an operator that serves them.
    pub fn settings(&self) -> Vec<String> {
        vec![
            format!("--webhook-bind-address={}", self.port.address()),
            format!("--webhook-configuration={}", self.name()),
            format!("--pod-namespace={}", self.namespace),
            "--serving-cert-dns-names=127.0.0.1".to_owned(),
        ]
    }

    /// Registers what the operator says is to be registered, without authorities.
    pub async fn register(&self) -> Result<()> {
        let address = self.port.address();
        let reached = |path: &str| WebhookClientConfig {
            url: Some(format!("https://{address}{path}")),
            ..WebhookClientConfig::default()
        };
        let mut wanted = configuration(self.name(), reached);
        let name = ("kubernetes.io/metadata.name", self.namespace.as_str());
        for webhook in wanted.webhooks.iter_mut().flatten() {
            let labels = [name].map(|(label, value)| (label.to_owned(), value.to_owned()));
            webhook.namespace_selector = Some(LabelSelector {
                match_labels: Some(labels.into()),
                ..LabelSelector::default()
            });
            // A busy machine is no webhook that does not answer, which lets everything pass.
            webhook.timeout_seconds = Some(30);
        }
        let params = PostParams::default();
        self.configurations.create(&params, &wanted).await?;
        Ok(())
    }

    /// Changes the configuration.
    pub async fn patch(&self, patch: Value) -> Result<()> {
        let (params, patch) = (
            PatchParams::default(),
            Patch::<()>::Json(serde_json::from_value(patch)?),
        );
        self.configurations
            .patch(self.name(), &params, &patch)
            .await?;
        Ok(())
    }

    /// Waits until the leader has put authorities into each webhook, and returns the configuration.
    pub async fn believed(&self) -> Result<ValidatingWebhookConfiguration> {
        let is_believed = |found: &ValidatingWebhookConfiguration| {
            let mut webhooks = found.webhooks.iter().flatten();
            webhooks.all(|it| it.client_config.ca_bundle.is_some())
        };
        let (api, what) = (&self.configurations, "each webhook has authorities");
        wait::wait_for(api, self.name(), what, PATIENCE, is_believed).await
    }

    /// Takes the configuration away, so that no later test asks a server that is gone.
    pub async fn remove(&self) -> Result<()> {
        let params = DeleteParams::default();
        self.configurations.delete(self.name(), &params).await?;
        Ok(())
    }
}
