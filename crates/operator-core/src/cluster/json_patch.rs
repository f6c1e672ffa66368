//! JSON patches (RFC 6902) that say which state they are meant for.
//!
//! The API server applies a patch to whatever is stored at that moment. A `test` is the only precondition
//! that it honours everywhere: the UID in a merge patch, for one, is ignored on a status.

use kube::api::Patch;
use serde::Serialize;
use serde_json::{Value, json};

use super::write::WriteError;

/// The operations of a patch.
#[derive(Debug, Default)]
pub(super) struct JsonPatch(Vec<Value>);

impl JsonPatch {
    /// The patch fails unless `value` stands at `path`; null stands wherever nothing does.
    pub(super) fn test(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.0
            .push(json!({ "op": "test", "path": path, "value": value.into() }));
        self
    }

    /// Puts `value` at `path`, the parent of which is there.
    pub(super) fn put(mut self, path: &str, value: impl Into<Value>) -> Self {
        self.0
            .push(json!({ "op": "add", "path": path, "value": value.into() }));
        self
    }

    /// Turns what stands at `path` from `old` into `new`, touching only what differs. Lists are put whole.
    pub(super) fn turn(self, path: &str, old: &Value, new: &Value) -> Self {
        match (old, new) {
            (old, new) if old == new => self,
            (Value::Object(old), Value::Object(new)) => {
                let removed = old.keys().filter(|key| !new.contains_key(*key));
                let patch = removed.fold(self, |patch, key| patch.remove(&member(path, key)));
                new.iter().fold(patch, |patch, (key, new)| {
                    let path = member(path, key);
                    match old.get(key) {
                        Some(old) => patch.turn(&path, old, new),
                        None => patch.put(&path, new.clone()),
                    }
                })
            }
            (_, new) => self.put(path, new.clone()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tests of `self`, then the operations of `change`.
    pub(super) fn then(mut self, change: Self) -> Self {
        self.0.extend(change.0);
        self
    }

    pub(super) fn finish(self) -> Result<Patch<()>, WriteError> {
        let patch = serde_json::from_value(self.0.into()).map_err(WriteError::unwritable)?;
        Ok(Patch::Json(patch))
    }

    fn remove(mut self, path: &str) -> Self {
        self.0.push(json!({ "op": "remove", "path": path }));
        self
    }
}

/// A value as JSON, in which what is null is left out: as the API server stores it.
pub(super) fn stored_form(value: &impl Serialize) -> Result<Value, WriteError> {
    let value = serde_json::to_value(value).map_err(WriteError::unwritable)?;
    Ok(without_nulls(value))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            members
                .map(|(key, value)| (key, without_nulls(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The path of a member, as a JSON pointer (RFC 6901).
fn member(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn add(path: &str, value: Value) -> Value {
        json!({ "op": "add", "path": path, "value": value })
    }

    fn remove(path: &str) -> Value {
        json!({ "op": "remove", "path": path })
    }

    #[rstest]
    #[case(json!({"a": 1}), json!({"a": 1}), vec![])]
    #[case(json!({"a": 1}), json!({"a": 2}), vec![add("/s/a", json!(2))])]
    #[case(json!({"a": 1, "b": 1}), json!({"b": 1}), vec![remove("/s/a")])]
    #[case(json!({"a": {"b": 1, "c": 1}}), json!({"a": {"b": 1, "c": 2}}), vec![add("/s/a/c", json!(2))])]
    #[case::lists_are_whole(json!({"a": [1, 2]}), json!({"a": [1]}), vec![add("/s/a", json!([1]))])]
    #[case::escaped(json!({}), json!({"x/y~z": 1}), vec![add("/s/x~1y~0z", json!(1))])]
    #[case::new_part(json!({}), json!({"a": {"b": 1}}), vec![add("/s/a", json!({"b": 1}))])]
    #[case::other_shape(json!({"a": 1}), json!({"a": {}}), vec![add("/s/a", json!({}))])]
    fn only_what_differs_is_touched(
        #[case] old: Value,
        #[case] new: Value,
        #[case] patch: Vec<Value>,
    ) {
        assert_eq!(JsonPatch::default().turn("/s", &old, &new).0, patch);
    }

    #[test]
    fn null_is_absent() {
        let stored =
            stored_form(&json!({"a": null, "b": {"c": null}, "d": [{"e": null}]})).unwrap();
        assert_eq!(stored, json!({"b": {}, "d": [{}]}));
    }

    /// The server's side, as far as it is used here.
    fn apply(document: &mut Value, patch: &JsonPatch) {
        for operation in &patch.0 {
            let (parent, key) = operation["path"]
                .as_str()
                .unwrap()
                .rsplit_once('/')
                .unwrap();
            let parent = document
                .pointer_mut(parent)
                .expect("the parent is there")
                .as_object_mut()
                .unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            match operation["op"].as_str().unwrap() {
                "add" => parent.insert(key, operation["value"].clone()),
                "remove" => Some(parent.remove(&key).expect("what is removed was there")),
                other => panic!("{other}"),
            };
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from)
        ];
        let tree = leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec((0..3).prop_map(Value::from), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab/~]", inner, 0..3)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        });
        prop::collection::btree_map("[ab/~]", tree, 0..3).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_patch_turns_the_old_document_into_the_new(old in documents(), new in documents()) {
            let mut document = json!({ "s": old });
            let patch = JsonPatch::default().turn("/s", &document["s"], &new);
            prop_assert_eq!(patch.is_empty(), document["s"] == new);
            apply(&mut document, &patch);
            prop_assert_eq!(&document["s"], &new);
        }
    }
}
