//! Objects of a stage, as a user handles them.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    lifecycle::{HasLifecycle, Lifecycle, Managed},
};
use harness::wait;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{PATIENCE, Stage};

impl Stage {
    /// Straight to the API server, as an administrator.
    pub fn api_of<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType: Default>,
    {
        Api::namespaced(self.client.clone(), self.namespace.name())
    }

    /// A backend with this one host.
    pub async fn backend(&self, name: &str, host: SocketAddr) -> Result<Backend> {
        let host = json!({ "address": host.ip(), "port": host.port() });
        self.create(name, json!({ "hosts": [host] })).await
    }

    /// A route from the prefix `path` to the backend `to`.
    pub async fn route(&self, name: &str, path: &str, to: &str) -> Result<APIRoute> {
        let destination = json!({ "host": to, "port": 80 });
        let spec = json!({
            "match": [{ "uri": { "prefix": path } }],
            "route": [{ "destination": destination }],
        });
        self.create(name, spec).await
    }

    /// Creates an object with this spec as a user would, with strict validation.
    pub async fn create<K: Managed>(&self, name: &str, spec: Value) -> Result<K> {
        let object: K = serde_json::from_value(json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": { "name": name }, "spec": spec,
        }))?;
        let (api, params) = (self.api_of::<K>(), PostParams::default());
        let created = Box::pin(api.create(&params, &object)).await;
        created.with_context(|| format!("{} {}", K::kind(&()), object.name_any()))
    }

    /// Merges `patch` into the object.
    pub async fn patch<K: Managed>(&self, name: &str, patch: Value) -> Result<K> {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        Ok(self.api_of::<K>().patch(name, &params, &patch).await?)
    }

    pub async fn delete<K: Managed>(&self, name: &str) -> Result<()> {
        self.api_of::<K>()
            .delete(name, &DeleteParams::background())
            .await?;
        Ok(())
    }

    pub async fn gone<K: Managed>(&self, name: &str) -> Result<()> {
        Box::pin(wait::wait_gone(&self.api_of::<K>(), name, PATIENCE)).await
    }

    /// Waits until the object's present generation is ready.
    pub async fn ready<K: Managed>(&self, name: &str) -> Result<K> {
        self.says(name, "True", "Reconciled").await
    }

    /// Waits until the object's present generation is not ready, for this reason.
    pub async fn unready<K: Managed>(&self, name: &str, reason: &str) -> Result<K> {
        self.says(name, "False", reason).await
    }

    async fn says<K: Managed>(&self, name: &str, status: &str, reason: &str) -> Result<K> {
        let what = format!("it says Ready={status} {reason}");
        let api = self.api_of();
        // Boxed, as everything that is awaited many times in one test: without optimisation each has its own
        // room on the stack.
        Box::pin(wait::wait_for(&api, name, &what, PATIENCE, |object: &K| {
            let lifecycle = lifecycle(object);
            let ready = lifecycle.condition("Ready");
            ready.is_some_and(|ready| {
                ready.status == status
                    && ready.reason == reason
                    && ready.observed_generation == object.meta().generation
            })
        }))
        .await
    }
}

/// What the operator says of the object; empty before the first pass.
pub fn lifecycle<K: Managed>(object: &K) -> Lifecycle {
    let status = object.status().map(HasLifecycle::lifecycle);
    status.cloned().unwrap_or_default()
}

/// The message of one of the object's conditions.
pub fn message<K: Managed>(object: &K, condition: &str) -> String {
    let lifecycle = lifecycle(object);
    let condition = lifecycle.condition(condition);
    condition
        .map(|it| it.message.to_string())
        .unwrap_or_default()
}
