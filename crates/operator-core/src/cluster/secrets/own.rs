//! A Secret that the operator itself keeps, known by its name.
//!
//! Needs `get` and `patch` on this Secret, and `create` on `secrets`, which RBAC cannot bind to a name.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Resource};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Map, Value, json};

use super::{SecretValues, without_content};
use crate::{
    cluster::{
        apply::MANAGED_BY,
        json_patch::JsonPatch,
        leading::Leading,
        spans::Ask,
        write::{Target, WriteError, Writer},
    },
    decide::key::ObjectKey,
};

/// A Secret that the operator keeps.
#[derive(Clone)]
pub struct OwnSecret {
    key: ObjectKey,
    writer: Writer,
}

/// The Secret as it is stored.
#[derive(Debug)]
pub struct Stored {
    /// What it holds.
    pub values: SecretValues,
    /// Who keeps it, by the label `app.kubernetes.io/managed-by`.
    pub managed_by: Option<String>,
    uid: String,
    version: String,
}

/// What a Secret is to hold under some of its keys; `None` where there is to be nothing.
pub type Wanted = BTreeMap<&'static str, Option<SecretSlice<u8>>>;

impl OwnSecret {
    /// The Secret `key`, read and written through `writer`.
    pub fn new(key: ObjectKey, writer: Writer) -> Self {
        Self { key, writer }
    }

    /// Its namespace and name.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Reads it; `None` if it is not there.
    ///
    /// # Errors
    /// What the API server or the way to it said; nothing that the Secret holds.
    pub async fn read(&self) -> kube::Result<Option<Stored>> {
        let read = self.api().get_opt(&self.key.name).await;
        Ok(read.map_err(without_content)?.map(Stored::of))
    }

    /// Creates it as a Secret of type `kind` that is labelled as this operator's.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if it is there already.
    pub async fn create(
        &self,
        leading: &Leading,
        kind: &str,
        wanted: &Wanted,
    ) -> Result<(), WriteError> {
        let mut secret = Secret {
            type_: Some(kind.to_owned()),
            data: Some(present(wanted).collect()),
            ..Secret::default()
        };
        let label = (MANAGED_BY.to_owned(), self.writer.manager().to_owned());
        let meta = secret.meta_mut();
        meta.name = Some(self.key.name.to_string());
        meta.labels = Some([label].into());
        let (api, params) = (self.api(), self.writer.creation());
        let write = api.create(&params, &secret);
        let sending = self.writer.send::<Secret, _>(leading, Ask::CREATE, write);
        let created = sending.await?;
        created
            .map(drop)
            .map_err(|error| WriteError::of_create::<Secret>(without_content(error)))
    }

    /// Makes what is stored as `wanted`. Sends only what differs, and nothing if nothing does, which gives
    /// `false`. Keys that are not named stay.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the Secret is no longer as it was read.
    pub async fn change(
        &self,
        leading: &Leading,
        stored: &Stored,
        wanted: &Wanted,
    ) -> Result<bool, WriteError> {
        let change = stored.turned(wanted);
        if change.is_empty() {
            return Ok(false);
        }
        let target = Target {
            key: &self.key,
            uid: &stored.uid,
            resource_version: Some(&stored.version),
        };
        let patch = target.tests().then(change).finish()?;
        let (api, params) = (self.api(), self.writer.params());
        let write = api.patch(&self.key.name, &params, &patch);
        let sending = self.writer.send::<Secret, _>(leading, Ask::PATCH, write);
        let changed = sending.await?;
        changed
            .map(|_| true)
            .map_err(|error| WriteError::of_patch::<Secret>(without_content(error), None))
    }

    /// Whether this operator is who keeps `stored`, by its label.
    pub fn is_kept(&self, stored: &Stored) -> bool {
        stored.managed_by.as_deref() == Some(self.writer.manager())
    }

    fn api(&self) -> Api<Secret> {
        Api::namespaced(self.writer.client.clone(), &self.key.namespace)
    }
}

impl Stored {
    fn of(secret: Secret) -> Self {
        let meta = secret.meta();
        let labels = meta.labels.as_ref();
        Self {
            managed_by: labels.and_then(|labels| labels.get(MANAGED_BY).cloned()),
            uid: meta.uid.clone().unwrap_or_default(),
            version: meta.resource_version.clone().unwrap_or_default(),
            values: SecretValues::of(secret),
        }
    }

    fn turned(&self, wanted: &Wanted) -> JsonPatch {
        let held = wanted.keys().filter_map(|key| {
            let value = self.values.get(key)?;
            Some((*key, ByteString(value.expose_secret().to_vec())))
        });
        let held = Map::from_iter(held.map(|(key, value)| (key.to_owned(), json!(value))));
        let wanted = present(wanted).map(|(key, value)| (key, json!(value)));
        let wanted = Value::Object(wanted.collect());
        if self.values.is_empty() {
            JsonPatch::default().put("/data", wanted)
        } else {
            JsonPatch::default().turn("/data", &held.into(), &wanted)
        }
    }
}

fn present(wanted: &Wanted) -> impl Iterator<Item = (String, ByteString)> {
    let present = |(key, value): (&&str, &Option<SecretSlice<u8>>)| {
        let value = value.as_ref()?.expose_secret().to_vec();
        Some(((*key).to_owned(), ByteString(value)))
    };
    wanted.iter().filter_map(present)
}
