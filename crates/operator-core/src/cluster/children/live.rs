//! What is kept of an object that may be a child.
//!
//! What we hold of it is what `managedFields` says we applied and nobody took from us (`FieldsV1` of the API
//! reference's ManagedFieldsEntry), with the values that stand there. It equals what is to be applied as long
//! as nothing has to be sent.

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, core::NamespaceResourceScope};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::cluster::{
    apply::{Appliable, MANAGED_BY, held},
    cache::Projection,
};

/// What of an object is no part of what is applied to it: its name, and the state that a write is about.
const IDENTITY: [&str; 4] = ["name", "namespace", "uid", "resourceVersion"];

/// An object as it is watched: as JSON, since only what was applied to it matters.
#[derive(Clone)]
pub struct Live<K> {
    /// Only what says which object in which state it is.
    metadata: ObjectMeta,
    content: Value,
    kind: PhantomData<fn() -> K>,
}

impl<K> fmt::Debug for Live<K> {
    /// Without the content, which may be a Secret's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

impl<'de, K> Deserialize<'de> for Live<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = Value::deserialize(deserializer)?;
        let of = |name: &str| Some(content.get("metadata")?.get(name)?.as_str()?.to_owned());
        let metadata = ObjectMeta {
            name: of("name"),
            namespace: of("namespace"),
            uid: of("uid"),
            resource_version: of("resourceVersion"),
            ..ObjectMeta::default()
        };
        if metadata.name.is_none() {
            return Err(D::Error::custom("metadata.name is missing"));
        }
        Ok(Self {
            metadata,
            content,
            kind: PhantomData,
        })
    }
}

impl<K: Appliable> Resource for Live<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Keeps a [`Child`] of each object.
pub struct Kept<K>(PhantomData<fn() -> K>);

impl<K: Appliable> Projection for Kept<K> {
    type Object = Live<K>;
    type Stored = Child;

    const MANAGED_FIELDS: bool = true;

    fn project(live: Live<K>) -> Child {
        Child::seen(&live.content)
    }
}

/// What is kept of an object that may be a child.
#[derive(Debug)]
pub struct Child {
    uid: Box<str>,
    resource_version: Box<str>,
    controller: Option<Controller>,
    managed_by: u64,
    /// What each manager has applied, by its fingerprint.
    applied: Box<[u64]>,
    own_write: bool,
}

#[derive(Debug)]
struct Controller {
    uid: Box<str>,
    name: Box<str>,
    /// Of group and kind; versions come and go.
    kind: u64,
}

impl Child {
    fn seen(content: &Value) -> Self {
        let metadata = content.get("metadata").unwrap_or(&Value::Null);
        let text = |value: &Value, name: &str| -> Box<str> {
            let text = value.get(name).and_then(Value::as_str);
            text.unwrap_or_default().into()
        };
        let list = |name: &str| metadata.get(name).and_then(Value::as_array).into_iter();
        let owner = list("ownerReferences")
            .flatten()
            .find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
        let applied = list("managedFields").flatten().filter(|entry| {
            entry.get("operation").and_then(Value::as_str) == Some("Apply")
                && entry.get("subresource").is_none()
        });
        let applied = applied.map(|entry| {
            let fields = entry.get("fieldsV1").unwrap_or(&Value::Null);
            fingerprint(&text(entry, "manager"), &held(content, fields))
        });
        let label = metadata.get("labels").and_then(|it| it.get(MANAGED_BY));
        Self {
            uid: text(metadata, "uid"),
            resource_version: text(metadata, "resourceVersion"),
            controller: owner.map(|owner| Controller {
                uid: text(owner, "uid"),
                name: text(owner, "name"),
                kind: hash(&(group_of(&text(owner, "apiVersion")), &*text(owner, "kind"))),
            }),
            managed_by: hash(label.and_then(Value::as_str).unwrap_or_default()),
            applied: applied.collect(),
            own_write: false,
        }
    }

    /// As our own write left it, which `print` stands for.
    pub(super) fn written(
        meta: &ObjectMeta,
        owner: &OwnerReference,
        manager: &str,
        print: u64,
    ) -> Self {
        Self {
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            resource_version: meta.resource_version.as_deref().unwrap_or_default().into(),
            controller: Some(Controller {
                uid: owner.uid.as_str().into(),
                name: owner.name.as_str().into(),
                kind: hash(&(group_of(&owner.api_version), &*owner.kind)),
            }),
            managed_by: hash(manager),
            applied: [print].into(),
            own_write: true,
        }
    }

    /// The name of the `P` that it belongs to.
    pub(super) fn owner<P: Resource<DynamicType = ()>>(&self) -> Option<&str> {
        let kind = hash(&(&*P::group(&()), &*P::kind(&())));
        let owner = self.controller.as_ref().filter(|it| it.kind == kind)?;
        Some(&owner.name)
    }

    pub(super) fn is_own_write(&self) -> bool {
        self.own_write
    }

    /// Whether all that this [`fingerprint`] is of stands there, and no more of what was applied.
    pub(super) fn has(&self, print: u64) -> bool {
        self.applied.contains(&print)
    }

    /// Whether it carries the label of `manager` and belongs to no other parent than `owner`.
    pub(super) fn is_ours(&self, manager: &str, owner: &str) -> bool {
        let controller = self.controller.as_ref();
        self.managed_by == hash(manager) && controller.is_none_or(|it| &*it.uid == owner)
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn resource_version(&self) -> &str {
        &self.resource_version
    }
}

/// Stands for all that `manager` applies with `body`, or holds where `body` is what it holds.
pub(super) fn fingerprint(manager: &str, body: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    manager.hash(&mut hasher);
    let is_content = |name: &str| !["apiVersion", "kind"].contains(&name);
    for (name, value) in members(body).filter(|(name, _)| is_content(name)) {
        name.hash(&mut hasher);
        if name != "metadata" {
            value.hash(&mut hasher);
            continue;
        }
        for (name, value) in members(value).filter(|(name, _)| !IDENTITY.contains(name)) {
            name.hash(&mut hasher);
            value.hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

/// Only what says which object in which state it is.
pub(super) fn short(meta: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        ..ObjectMeta::default()
    }
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The same within one process, which is all that it is compared in.
fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn live() -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "child", "namespace": "ns", "uid": "u", "resourceVersion": "7",
                "labels": { MANAGED_BY: "us", "theirs": "yes" },
                "ownerReferences": [
                    { "apiVersion": "v1", "kind": "Node", "name": "n", "uid": "n" },
                    { "apiVersion": "toys.example.com/v2", "kind": "Toy", "name": "t", "uid": "t", "controller": true },
                ],
                "managedFields": [
                    { "manager": "us", "operation": "Apply", "fieldsV1": {
                        "f:metadata": {
                            "f:labels": { "f:app.kubernetes.io/managed-by": {} },
                            "f:ownerReferences": { "k:{\"uid\":\"t\"}": {} },
                        },
                        "f:data": { "f:a": {} },
                    } },
                    { "manager": "them", "operation": "Update", "fieldsV1": { "f:data": { "f:b": {} } } },
                ],
            },
            "data": { "a": "1", "b": "2" },
        })
    }

    fn applied(a: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "child", "namespace": "ns", "uid": "u", "resourceVersion": "6",
                "labels": { MANAGED_BY: "us" },
                "ownerReferences": [
                    { "apiVersion": "toys.example.com/v2", "kind": "Toy", "name": "t", "uid": "t", "controller": true },
                ],
            },
            "data": { "a": a },
        })
    }

    #[test]
    fn what_stands_as_it_was_applied_is_known_by_its_fingerprint() {
        let child = Child::seen(&live());
        assert!(child.has(fingerprint("us", &applied("1"))));
        assert!(!child.has(fingerprint("us", &applied("2"))));
        assert!(!child.has(fingerprint("others", &applied("1"))));
    }

    #[rstest]
    #[case::taken("/metadata/managedFields/0/fieldsV1/f:data", json!({}))]
    #[case::applied_once_more_than_wanted("/metadata/managedFields/0/fieldsV1/f:data", json!({ "f:a": {}, "f:b": {} }))]
    #[case::by_update("/metadata/managedFields/0/operation", json!("Update"))]
    #[case::of_a_subresource("/metadata/managedFields/0", json!({ "manager": "us", "operation": "Apply", "subresource": "status" }))]
    #[case::nothing_known("/metadata/managedFields", json!([]))]
    #[case::another_value("/data/a", json!("changed"))]
    #[case::gone("/data", json!({}))]
    fn whatever_is_not_as_it_was_applied_is_noticed(#[case] path: &str, #[case] value: Value) {
        let mut live = live();
        *live.pointer_mut(path).unwrap() = value;
        assert!(!Child::seen(&live).has(fingerprint("us", &applied("1"))));
    }

    #[test]
    fn whose_it_is_is_told_by_label_and_controller() {
        let child = Child::seen(&live());
        assert!(child.is_ours("us", "t"));
        assert!(!child.is_ours("us", "another"));
        assert!(!child.is_ours("them", "t"));
        assert_eq!(child.owner::<ConfigMap>(), None);
        let mut orphan = live();
        orphan["metadata"]["ownerReferences"] = json!([]);
        assert!(Child::seen(&orphan).is_ours("us", "t"));
    }

    #[test]
    fn its_content_is_not_shown() {
        let live: Live<ConfigMap> = serde_json::from_value(live()).unwrap();
        let shown = format!("{live:?}");
        assert!(
            shown.contains("child") && !shown.contains("theirs"),
            "{shown}"
        );
    }
}
