//! Objects that the operator keeps in the cluster, applied by the server under the operator's field manager.
//!
//! Needs `get`, `create` and `patch` on the kind. What is applied must be whole: a field that was applied
//! before and is no longer there is removed.

mod fields;

use std::fmt::Debug;

pub(super) use self::fields::held;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{NamespaceResourceScope, Status},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    json_patch::stored_form,
    leading::Leading,
    spans::Ask,
    write::{WriteError, Writer},
};
use crate::decide::key::ObjectKey;

/// The label that says whose an object is, as Kubernetes recommends it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// An object after it was applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied<K> {
    /// It stood so already; nothing was sent.
    Unchanged(K),
    /// As it is stored now.
    Written(K),
}

impl<K> Applied<K> {
    /// The object as it is stored.
    pub fn into_object(self) -> K {
        match self {
            Self::Unchanged(object) | Self::Written(object) => object,
        }
    }

    /// Whether something was sent.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

/// A namespaced kind that can be applied.
pub trait Appliable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Appliable for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

impl Writer {
    /// Makes what is stored say all that `child` says, in the namespace of its `parent`, with which the
    /// garbage collector takes it down. Sends nothing where it does already.
    ///
    /// Write-only fields (`stringData` of a Secret) never compare equal: use `data`.
    ///
    /// # Errors
    /// [`WriteError::NotOurs`] if an object of this name is there and is somebody else's;
    /// [`WriteError::Contested`] if another field manager holds a field that must be written and is not ours;
    /// [`WriteError::Conflict`] if the object changed meanwhile.
    pub async fn apply_child<P: Resource<DynamicType = ()>, K: Appliable>(
        &self,
        leading: &Leading,
        parent: &P,
        mut child: K,
    ) -> Result<Applied<K>, WriteError> {
        child.meta_mut().namespace = parent.namespace();
        self.apply_for(leading, Some(owner_of(parent)), child).await
    }

    /// As [`apply_child`](Self::apply_child), for an object that belongs to the operator itself and goes with
    /// nothing else.
    ///
    /// # Errors
    /// As [`apply_child`](Self::apply_child).
    pub async fn apply<K: Appliable>(
        &self,
        leading: &Leading,
        object: K,
    ) -> Result<Applied<K>, WriteError> {
        self.apply_for(leading, None, object).await
    }

    async fn apply_for<K: Appliable>(
        &self,
        leading: &Leading,
        owner: Option<OwnerReference>,
        desired: K,
    ) -> Result<Applied<K>, WriteError> {
        let key = ObjectKey::of(&desired);
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        let live = api.get_opt(&key.name).await;
        let live = live.map_err(|error| WriteError::of::<K>("get", error, None))?;

        let owner_uid = owner.as_ref().map(|owner| owner.uid.clone());
        let mut desired = self.marked(owner, desired);
        let Some(live) = live else {
            // Should it come late, the garbage collector takes the child of a parent that is gone.
            let body = stored_form(&desired)?;
            let stored = self.send_apply(leading, &api, &key, &body, false).await?;
            return stored
                .map(Applied::Written)
                .map_err(|error| WriteError::of_patch::<K>(error, None));
        };
        self.claim(&live, owner_uid.as_deref())?;
        let owned = self.owned_fields(&live);
        let wanted = stored_form(&desired)?;
        if fields::is_subset(&wanted, &stored_form(&live)?) && !fields::lacks(&wanted, &owned) {
            return Ok(Applied::Unchanged(live));
        }
        // Whoever changes it before this arrives is noticed, and an object that is gone stays so.
        desired.meta_mut().uid = live.uid();
        desired.meta_mut().resource_version = live.resource_version();
        let body = stored_form(&desired)?;
        let mut stored = self.send_apply(leading, &api, &key, &body, false).await?;
        if let Err(kube::Error::Api(refused)) = &stored {
            let conflicts = conflicts(refused);
            if !conflicts.is_empty() {
                let ours = fields::paths(&owned);
                let theirs = conflicts
                    .iter()
                    .filter(|conflict| !ours.contains(conflict.field));
                let theirs: Vec<String> = theirs.map(ToString::to_string).collect();
                if !theirs.is_empty() {
                    let what = format!("{} {key}", K::kind(&()));
                    let fields = theirs.join(", ");
                    return Err(WriteError::Contested { what, fields });
                }
                // Others hold these fields beside us. The version stands for there being no more than these.
                stored = self.send_apply(leading, &api, &key, &body, true).await?;
            }
        }
        stored
            .map(Applied::Written)
            .map_err(|error| WriteError::of_patch::<K>(error, None))
    }

    /// Whose it is, written on it.
    pub(super) fn marked<K: Appliable>(&self, owner: Option<OwnerReference>, mut desired: K) -> K {
        desired
            .labels_mut()
            .insert(MANAGED_BY.to_owned(), self.manager.to_string());
        desired.meta_mut().owner_references = owner.map(|owner| vec![owner]);
        desired
    }

    async fn send_apply<K: Appliable>(
        &self,
        leading: &Leading,
        api: &Api<K>,
        key: &ObjectKey,
        body: &Value,
        force: bool,
    ) -> Result<Result<K, kube::Error>, WriteError> {
        let params = PatchParams {
            force,
            ..self.params()
        };
        let patch = Patch::Apply(body);
        let write = api.patch(&key.name, &params, &patch);
        self.send::<K, _>(leading, Ask::PATCH, write).await
    }

    /// What carries no label of ours, or belongs to another parent, is never changed.
    fn claim<K: Appliable>(&self, live: &K, owner: Option<&str>) -> Result<(), WriteError> {
        let controller = live
            .owner_references()
            .iter()
            .find(|it| it.controller == Some(true));
        let label = live.labels().get(MANAGED_BY);
        let why = if label.is_none_or(|label| **label != *self.manager) {
            format!("its label {MANAGED_BY} is not {}", self.manager)
        } else if let Some(other) = controller.filter(|it| Some(&*it.uid) != owner) {
            format!("it belongs to {} {}", other.kind, other.name)
        } else {
            return Ok(());
        };
        Err(WriteError::NotOurs {
            what: format!("{} {}", K::kind(&()), ObjectKey::of(live)),
            why,
        })
    }

    /// The fields that we applied and that nobody took from us (`FieldsV1` of the API reference's ObjectMeta).
    fn owned_fields<K: Appliable>(&self, live: &K) -> Value {
        let ours = live.managed_fields().iter().find(|entry| {
            entry.manager.as_deref() == Some(&*self.manager)
                && entry.operation.as_deref() == Some("Apply")
                && entry.subresource.is_none()
        });
        let fields = ours.and_then(|entry| entry.fields_v1.as_ref());
        fields.map(|fields| fields.0.clone()).unwrap_or_default()
    }
}

/// What makes an object the child of `parent`.
pub(super) fn owner_of<P: Resource<DynamicType = ()>>(parent: &P) -> OwnerReference {
    OwnerReference {
        api_version: P::api_version(&()).into_owned(),
        kind: P::kind(&()).into_owned(),
        name: parent.name_any(),
        uid: parent.uid().unwrap_or_default(),
        controller: Some(true),
        // That would need the right to change the parent's finalizers on some clusters.
        block_owner_deletion: None,
    }
}

/// A field that another manager holds.
struct Conflict<'a> {
    field: &'a str,
    /// In the API server's words, which name the manager and no value.
    message: &'a str,
}

impl std::fmt::Display for Conflict<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.field, self.message)
    }
}

fn conflicts(refused: &Status) -> Vec<Conflict<'_>> {
    let details = refused.details.as_ref().filter(|_| refused.is_conflict());
    let causes = details
        .map(|details| details.causes.as_slice())
        .unwrap_or_default();
    causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| Conflict {
            field: &cause.field,
            message: &cause.message,
        })
        .collect()
}
