//! Writes to an object's own metadata: its finalizers.
//!
//! Each is a JSON patch (RFC 6902) that first tests what it is based on, so that a change by anyone else is
//! noticed and never undone.

use crd_types::lifecycle::Managed;
use kube::{Api, api::Patch};
use serde_json::{Value, json};

use super::{
    leading::Leading,
    write::{WriteError, Writer},
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
        // The API server's JSON patch takes a test for null as a test for absence.
        let held = match finalizers(object) {
            [] => Value::Null,
            held => json!(held),
        };
        let patch = serde_json::from_value(json!([
            { "op": "test", "path": "/metadata/uid", "value": object.meta().uid },
            { "op": "test", "path": "/metadata/finalizers", "value": held },
            { "op": "add", "path": "/metadata/finalizers", "value": wanted },
        ]))
        .map_err(WriteError::unwritable)?;
        let key = ObjectKey::of(object);
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        leading.check()?;
        let stored = api
            .patch(&key.name, &self.params(), &Patch::Json::<()>(patch))
            .await;
        stored.map_err(|error| WriteError::of_patch::<K>(error, None))
    }
}

fn finalizers<K: Managed>(object: &K) -> &[String] {
    object.meta().finalizers.as_deref().unwrap_or_default()
}
