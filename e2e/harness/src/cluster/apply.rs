//! Objects of any kind, as a test writes them down.

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::Cluster;

impl Cluster {
    /// Applies an object, with its namespace if it has one, as somebody who is no operator; returns what is stored.
    ///
    /// # Errors
    /// When it has no kind, or the API server refuses it; the message names it.
    pub async fn apply(&self, object: Value) -> Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object)?;
        let types = object.types.as_ref().context("an object has a kind")?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
        let client = self.client()?;
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client, &namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let params = PatchParams::apply("test").force();
        let applied = api
            .patch(&object.name_any(), &params, &Patch::Apply(&object))
            .await;
        applied.with_context(|| format!("{} {}", resource.kind, object.name_any()))
    }
}
