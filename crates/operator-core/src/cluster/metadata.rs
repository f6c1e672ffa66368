//! Writes to an object's own metadata: its finalizers.
//!
//! Each says which finalizers it is based on, so that a change by anyone else is noticed and never undone.

use crd_types::lifecycle::Managed;
use kube::Api;
use serde_json::Value;

use super::{
    json_patch::JsonPatch,
    leading::Leading,
    spans::Ask,
    write::{Target, WriteError, Writer},
};
use crate::decide::key::ObjectKey;

impl Writer {
    /// Adds a finalizer. Gives the object as it is stored now, or `None` where nothing had to be sent.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object is another one, its finalizers changed, or it is being deleted.
    pub async fn add_finalizer<K: Managed>(
        &self,
        leading: &Leading,
        object: &K,
        name: &str,
    ) -> Result<Option<K>, WriteError> {
        if finalizers(object).iter().any(|held| held == name) {
            return Ok(None);
        }
        let wanted = finalizers(object)
            .iter()
            .map(String::as_str)
            .chain([name])
            .collect();
        self.replace_finalizers(leading, object, wanted)
            .await
            .map(Some)
    }

    /// Removes those of `names` that the object holds. Gives the object as it was stored last, or `None`
    /// where nothing had to be sent.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object is another one or its finalizers changed, and
    /// [`WriteError::Gone`] if it is no longer there.
    pub async fn remove_finalizers<K: Managed>(
        &self,
        leading: &Leading,
        object: &K,
        names: &[&str],
    ) -> Result<Option<K>, WriteError> {
        let held = finalizers(object);
        let wanted: Vec<_> = held
            .iter()
            .map(String::as_str)
            .filter(|name| !names.contains(name))
            .collect();
        if wanted.len() == held.len() {
            return Ok(None);
        }
        self.replace_finalizers(leading, object, wanted)
            .await
            .map(Some)
    }

    async fn replace_finalizers<K: Managed>(
        &self,
        leading: &Leading,
        object: &K,
        wanted: Vec<&str>,
    ) -> Result<K, WriteError> {
        let held = match finalizers(object) {
            [] => Value::Null,
            held => held.into(),
        };
        let key = ObjectKey::of(object);
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        let target = Target {
            key: &key,
            uid,
            // What the pass works on is the object that it read, or none.
            resource_version: object.meta().resource_version.as_deref(),
        };
        let change = JsonPatch::default()
            .test("/metadata/finalizers", held)
            .put("/metadata/finalizers", wanted);
        let patch = target.tests().then(change).finish()?;
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        let params = self.params();
        let write = api.patch(&key.name, &params, &patch);
        let stored = self.send::<K, _>(leading, Ask::PATCH, write).await?;
        stored.map_err(|error| WriteError::of_patch::<K>(error, None))
    }
}

fn finalizers<K: Managed>(object: &K) -> &[String] {
    object.meta().finalizers.as_deref().unwrap_or_default()
}
