//! The write of an object's own status: what changed, and nothing when nothing did.

use std::fmt::Debug;

use crd_types::lifecycle::Managed;
use kube::{Api, api::DynamicObject, core::ApiResource};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    json_patch::{JsonPatch, stored_form},
    leading::Leading,
    readable::Readable,
    spans::Ask,
    write::{Target, WriteError, Writer},
};

impl Writer {
    /// Makes the stored status equal to `new`, knowing that it is `old`. Sends only what differs, and nothing
    /// if nothing does, which gives `None`; else gives the object as it is stored now, for
    /// [`Cache::confirm`](super::cache::Cache::confirm).
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object is another one, where a version is asked for has changed, or its
    /// status is so far from `old` that the difference does not fit.
    pub async fn patch_status<K: Managed>(
        &self,
        leading: &Leading,
        target: Target<'_>,
        old: Option<&K::Status>,
        new: &K::Status,
    ) -> Result<Option<K>, WriteError> {
        let new = stored_form(new)?;
        let change = match old {
            Some(old) => JsonPatch::default().turn("/status", &stored_form(old)?, &new),
            None => first_status(new),
        };
        if change.is_empty() {
            return Ok(None);
        }
        let api: Api<Readable<K>> =
            Api::namespaced_with(self.client.clone(), &target.key.namespace, &());
        let stored = self
            .send_status::<K, _>(leading, &api, target, change)
            .await?;
        stored.lean().map(Some).map_err(|unread| {
            let error = serde::de::Error::custom(unread.error);
            WriteError::Other(Box::new(kube::Error::SerdeError(error)))
        })
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
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &target.key.namespace, &kind);
        let fields = JsonPatch::default().turn("/status", &serde_json::json!({}), &status);
        match self
            .send_status::<K, _>(leading, &api, target, fields)
            .await
        {
            // There may be no status yet to hold the fields.
            Err(WriteError::Conflict) => self
                .send_status::<K, _>(leading, &api, target, first_status(status))
                .await
                .map(drop),
            sent => sent.map(drop),
        }
    }

    async fn send_status<K: Managed, A: Clone + Debug + DeserializeOwned>(
        &self,
        leading: &Leading,
        api: &Api<A>,
        target: Target<'_>,
        change: JsonPatch,
    ) -> Result<A, WriteError> {
        let patch = target.tests().then(change).finish()?;
        let params = self.params();
        let write = api.patch_status(&target.key.name, &params, &patch);
        let ask = Ask {
            subresource: "status",
            ..Ask::PATCH
        };
        let stored = self.send::<K, _>(leading, ask, write).await?;
        stored.map_err(|error| WriteError::of_patch::<K>(error, Some("status")))
    }
}

fn first_status(status: serde_json::Value) -> JsonPatch {
    JsonPatch::default()
        .test("/status", ())
        .put("/status", status)
}
