//! The write of an object's own status: what changed, and nothing when nothing did.

use crd_types::lifecycle::Managed;
use kube::core::Request;
use serde::Serialize;

use super::{
    json_patch::{JsonPatch, stored_form},
    leading::Leading,
    spans::Ask,
    stored::stored,
    write::{Target, WriteError, Writer},
};
use crate::decide::key::ObjectKey;

impl Writer {
    /// Makes the stored status of `object` equal to `new`. Sends only what differs, and nothing if nothing does, which
    /// gives `None`; else gives the object as it is stored now, for [`Cache::confirm_whole`](super::cache::Cache::confirm_whole).
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object changed, or is another one.
    pub async fn patch_status<K: Managed>(
        &self,
        leading: &Leading,
        object: &K,
        new: &K::Status,
    ) -> Result<Option<K>, WriteError> {
        let wanted = stored_form(new)?;
        let change = match object.status() {
            Some(old) => JsonPatch::default().turn("/status", &stored_form(old)?, &wanted),
            None => first_status(&wanted),
        };
        if change.is_empty() {
            return Ok(None);
        }
        let meta = object.meta();
        let target = Target {
            key: &ObjectKey::of(object),
            uid: meta.uid.as_deref().unwrap_or_default(),
            resource_version: Some(meta.resource_version.as_deref().unwrap_or_default()),
        };
        let version = self.send_status::<K>(leading, target, change).await?;
        // It was the version that we knew, so all else is as it was. What an older definition drops of a status is
        // not seen here, but is when the object is next read.
        let mut written = object.clone();
        written.meta_mut().resource_version = version;
        // Times are stored less exactly than they are known.
        written.set_status(serde_json::from_value(wanted).map_err(unreadable)?);
        Ok(Some(written))
    }

    /// Writes the fields of `status` into that of an object which cannot be read as a `K`. The other fields
    /// stay: they may say what stands outside.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object is another one.
    pub async fn patch_unread_status<K: Managed>(
        &self,
        leading: &Leading,
        target: Target<'_>,
        status: &impl Serialize,
    ) -> Result<(), WriteError> {
        let status = stored_form(status)?;
        let fields = JsonPatch::default().turn("/status", &serde_json::json!({}), &status);
        match self.send_status::<K>(leading, target, fields).await {
            // There may be no status yet to hold the fields.
            Err(WriteError::Conflict) => self
                .send_status::<K>(leading, target, first_status(&status))
                .await
                .map(drop),
            sent => sent.map(drop),
        }
    }

    /// Gives the version as which the object is stored now.
    async fn send_status<K: Managed>(
        &self,
        leading: &Leading,
        target: Target<'_>,
        change: JsonPatch,
    ) -> Result<Option<String>, WriteError> {
        let Target { key, .. } = target;
        let patch = target.tests().then(change).finish()?;
        let path = K::url_path(&(), Some(&key.namespace));
        let request =
            Request::new(path).patch_subresource("status", &key.name, &self.params(), &patch);
        let request = request
            .map_err(|error| WriteError::Other(Box::new(kube::Error::BuildRequest(error))))?;
        let write = stored(&self.client, request);
        let ask = Ask {
            subresource: "status",
            ..Ask::PATCH
        };
        let stored = self.send::<K, _>(leading, ask, write).await?;
        stored
            .map(|stored| stored.resource_version)
            .map_err(|error| WriteError::of_patch::<K>(error, Some("status")))
    }
}

fn unreadable(error: serde_json::Error) -> WriteError {
    WriteError::Other(Box::new(kube::Error::SerdeError(error)))
}

fn first_status(status: &serde_json::Value) -> JsonPatch {
    JsonPatch::default()
        .test("/status", ())
        .put("/status", status.clone())
}
