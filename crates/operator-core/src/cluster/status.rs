//! The write of an object's own status: what changed, and nothing when nothing did.

use crd_types::lifecycle::Managed;
use kube::{
    Api,
    api::{DynamicObject, Patch},
    core::ApiResource,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    leading::Leading,
    write::{Target, WriteError, Writer},
};

impl Writer {
    /// Makes the stored status equal to `new`, knowing that it is `old`. Sends only what differs, as a JSON
    /// merge patch (RFC 7386), and nothing if nothing does, which gives `None`; else gives the object as it
    /// is stored now, for [`Cache::confirm`](super::cache::Cache::confirm).
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if the object is another one or, where a version is asked for, has changed.
    pub async fn patch_status<K: Managed>(
        &self,
        leading: &Leading,
        target: Target<'_>,
        old: Option<&K::Status>,
        new: &K::Status,
    ) -> Result<Option<K>, WriteError> {
        let Some(changes) = changes(old, new)? else {
            return Ok(None);
        };
        let mut metadata = json!({ "uid": target.uid });
        if let Some(version) = target.resource_version {
            metadata["resourceVersion"] = version.into();
        }
        let patch = Patch::Merge(json!({ "metadata": metadata, "status": changes }));
        let api: Api<K> = Api::namespaced(self.client.clone(), &target.key.namespace);
        leading.check()?;
        let stored = api
            .patch_status(&target.key.name, &self.params(), &patch)
            .await;
        stored
            .map(Some)
            .map_err(|error| WriteError::of_patch::<K>(error, Some("status")))
    }

    /// Writes `status` over that of an object which cannot be read as a `K`, so neither can the answer be.
    ///
    /// # Errors
    /// As [`patch_status`](Self::patch_status).
    pub async fn patch_unread_status<K: Managed>(
        &self,
        leading: &Leading,
        target: Target<'_>,
        status: &impl Serialize,
    ) -> Result<(), WriteError> {
        let patch = Patch::Merge(json!({ "metadata": { "uid": target.uid }, "status": status }));
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &target.key.namespace, &kind);
        leading.check()?;
        let stored = api
            .patch_status(&target.key.name, &self.params(), &patch)
            .await;
        stored
            .map(drop)
            .map_err(|error| WriteError::of_patch::<K>(error, Some("status")))
    }
}

/// Whether `new` says anything else than `old`. A field that is absent, null or left out means the same.
pub fn differs<S: Serialize>(old: &S, new: &S) -> bool {
    changes(Some(old), new).map_or(true, |changes| changes.is_some())
}

/// The merge patch that turns `old` into `new`; none if there is nothing to turn.
fn changes<S: Serialize>(old: Option<&S>, new: &S) -> Result<Option<Value>, WriteError> {
    let value = |status| serde_json::to_value(status).map_err(WriteError::unwritable);
    let old = old.map(value).transpose()?.unwrap_or(Value::Null);
    Ok(merge_patch(&old, &value(new)?))
}

fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (old, new) if old == new => None,
        (Value::Object(old), Value::Object(new)) => {
            let removed = old
                .keys()
                .filter(|key| is_absent(new.get(*key)) && !is_absent(old.get(*key)));
            let mut patch: Map<_, _> = removed.map(|key| (key.clone(), Value::Null)).collect();
            for (key, new) in new.iter().filter(|(_, value)| !value.is_null()) {
                if let Some(changed) = merge_patch(old.get(key).unwrap_or(&Value::Null), new) {
                    patch.insert(key.clone(), changed);
                }
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (_, new) => Some(new.clone()),
    }
}

fn is_absent(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!({"a": 1}), json!({"a": 1}), None)]
    #[case(json!({"a": 1}), json!({"a": 2}), Some(json!({"a": 2})))]
    #[case(json!({"a": 1, "b": 1}), json!({"b": 1}), Some(json!({"a": null})))]
    #[case(json!({"a": {"b": 1, "c": 1}}), json!({"a": {"b": 1, "c": 2}}), Some(json!({"a": {"c": 2}})))]
    #[case::lists_are_whole(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})))]
    #[case::null_is_absent(json!({"a": null}), json!({}), None)]
    #[case::absent_is_null(json!({}), json!({"a": null}), None)]
    #[case::null_removes(json!({"a": 1}), json!({"a": null}), Some(json!({"a": null})))]
    #[case::from_nothing(Value::Null, json!({"a": {}}), Some(json!({"a": {}})))]
    fn only_what_changed_is_sent(
        #[case] old: Value,
        #[case] new: Value,
        #[case] patch: Option<Value>,
    ) {
        assert_eq!(merge_patch(&old, &new), patch);
        assert_eq!(differs(&old, &new), patch.is_some());
    }

    /// The API server's side of a merge patch, as RFC 7386 words it.
    fn apply(target: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = json!({});
        }
        for (key, value) in patch {
            if value.is_null() {
                target.as_object_mut().unwrap().remove(key);
            } else {
                apply(&mut target[key], value);
            }
        }
    }

    /// What the API server stores of a value: nulls in objects are left out.
    fn stored(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), stored(v)))
                .collect(),
            other => other.clone(),
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from)
        ];
        let tree = leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec((0..3).prop_map(Value::from), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        });
        prop::collection::btree_map("[abc]", tree, 0..3).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_patch_turns_the_old_document_into_the_new(old in documents(), new in documents()) {
            let mut document = stored(&old);
            if let Some(patch) = merge_patch(&document, &new) {
                apply(&mut document, &patch);
            }
            prop_assert_eq!(&document, &stored(&new));
            prop_assert_eq!(merge_patch(&document, &new), None, "nothing is left to send");
        }
    }
}
