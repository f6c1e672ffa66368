//! The one field that an operator keeps of a ValidatingWebhookConfiguration: whose certificates the API server
//! believes.
//!
//! Needs `get` and `patch` on the configuration of this name.

use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, rbac::v1::PolicyRule},
};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{
    json_patch::JsonPatch,
    leading::Leading,
    rules::{named, rule},
    spans::Ask,
    write::{Target, WriteError, Writer},
};
use crate::decide::key::ObjectKey;

/// The rights that [`Writer::keep_authorities`] takes, for the configuration of this name.
pub fn rules(name: &str) -> Vec<PolicyRule> {
    let configurations = rule(
        "admissionregistration.k8s.io",
        &["validatingwebhookconfigurations"],
        &["get", "patch"],
    );
    vec![named(&[name], configurations)]
}

impl Writer {
    /// Makes `authorities` (PEM) the `caBundle` of every webhook of the configuration `name`. Nothing else of it is
    /// touched, and nothing is sent where all is so already, which gives `false`.
    ///
    /// # Errors
    /// [`WriteError::Gone`] if there is no such configuration.
    pub async fn keep_authorities(
        &self,
        leading: &Leading,
        name: &str,
        authorities: &str,
    ) -> Result<bool, WriteError> {
        type Configuration = ValidatingWebhookConfiguration;
        let api: Api<Configuration> = Api::all(self.client.clone());
        let (params, wanted) = (self.params(), ByteString(authorities.as_bytes().to_vec()));
        let reading = self
            .send::<Configuration, _>(leading, Ask::GET, api.get(name))
            .await?;
        let found = reading.map_err(|error| WriteError::of::<Configuration>("get", error, None))?;

        let mut change = JsonPatch::default();
        for (at, webhook) in found.webhooks.iter().flatten().enumerate() {
            if webhook.client_config.ca_bundle.as_ref() != Some(&wanted) {
                let path = format!("/webhooks/{at}/clientConfig/caBundle");
                change = change.put(&path, json!(wanted));
            }
        }
        if change.is_empty() {
            return Ok(false);
        }
        // The webhooks are told apart by their places, so they must be those that were read.
        let target = Target {
            key: &ObjectKey::new("", name),
            uid: &found.uid().unwrap_or_default(),
            resource_version: found.metadata.resource_version.as_deref(),
        };
        let patch = target.tests().then(change).finish()?;
        let write = api.patch(name, &params, &patch);
        let sending = self.send::<Configuration, _>(leading, Ask::PATCH, write);
        let written = sending.await?;
        written
            .map(|_| true)
            .map_err(|error| WriteError::of_patch::<Configuration>(error, None))
    }
}
