//! What of an object is whose. Pure.
//!
//! Owned fields are in the form `FieldsV1` (Kubernetes API reference, ManagedFieldsEntry): an object whose
//! keys are `f:<field>`, `k:<keys of a list's item>`, `v:<item of a set>`, `i:<index>`, or `.` for the thing
//! itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Whether `live` says all that `desired` says. Lists must be equal, as nothing tells here which of them the
/// server merges; but an object may have other owners.
pub(super) fn is_subset(desired: &Value, live: &Value) -> bool {
    let (Value::Object(desired), Value::Object(live)) = (desired, live) else {
        return desired == live;
    };
    desired.iter().all(
        |(name, desired)| match (name.as_str(), desired, live.get(name)) {
            ("ownerReferences", Value::Array(desired), Some(Value::Array(live))) => desired
                .iter()
                .all(|owner| live.iter().any(|other| is_subset(owner, other))),
            (_, desired, Some(live)) => is_subset(desired, live),
            (_, _, None) => false,
        },
    )
}

/// Whether a field of `owned` is not in `desired`: only applying anew gives it up. True where that cannot be
/// told.
pub(super) fn lacks(desired: &Value, owned: &Value) -> bool {
    elements(owned).any(|(element, below)| match follow(desired, element) {
        Some(desired) => lacks(desired, below),
        None => true,
    })
}

/// What of `live` is `owned`: the applied configuration, as long as nobody changed it.
pub(in crate::cluster) fn held(live: &Value, owned: &Value) -> Value {
    if owned.as_object().is_some_and(Map::is_empty) {
        return live.clone();
    }
    match live {
        Value::Object(_) => {
            let members = elements(owned).filter_map(|(element, below)| {
                let (_, name) = element.split_once(':')?;
                Some((name.to_owned(), held(follow(live, element)?, below)))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => {
            // In the order in which they stand: that of `owned` is none.
            let owned: Vec<_> = elements(owned)
                .filter_map(|(element, below)| Some((follow(live, element)?, below)))
                .collect();
            let is_owned = |item: &Value| owned.iter().find(|(it, _)| std::ptr::eq(*it, item));
            let items = items
                .iter()
                .filter_map(|item| Some((item, is_owned(item)?)));
            Value::Array(items.map(|(item, (_, below))| held(item, below)).collect())
        }
        other => other.clone(),
    }
}

/// The paths of all owned fields, as the API server writes them in the causes of a conflict.
pub(super) fn paths(owned: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    collect(owned, "", &mut paths);
    paths
}

fn collect(owned: &Value, path: &str, paths: &mut BTreeSet<String>) {
    for (element, below) in elements(owned) {
        let path = format!("{path}{}", written(element));
        collect(below, &path, paths);
        paths.insert(path);
    }
}

/// The elements below, but not the thing itself.
fn elements(owned: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let elements = owned.as_object().into_iter().flatten();
    elements
        .map(|(element, below)| (element.as_str(), below))
        .filter(|(element, _)| *element != ".")
}

fn follow<'a>(value: &'a Value, element: &str) -> Option<&'a Value> {
    let items = || value.as_array().into_iter().flatten();
    match element.split_once(':')? {
        ("f", name) => value.get(name),
        ("k", keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
            let is_meant =
                |item: &&Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
            items().find(is_meant)
        }
        ("v", wanted) => {
            let wanted: Value = serde_json::from_str(wanted).ok()?;
            items().find(|item| **item == wanted)
        }
        _ => None,
    }
}

fn written(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<_> = keys
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("[{}]", keys.join(","))
        }
        Some(("v", item)) => format!("[={item}]"),
        Some((_, index)) => format!("[{index}]"),
        None => element.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::equal(json!({"a": 1}), json!({"a": 1}), true)]
    #[case::more_is_there(json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}, "d": 3}), true)]
    #[case::other_value(json!({"a": 1}), json!({"a": 2}), false)]
    #[case::other_shape(json!({"a": {}}), json!({"a": 1}), false)]
    #[case::missing(json!({"a": 1}), json!({}), false)]
    #[case::an_empty_map_may_mean_something(json!({"emptyDir": {}}), json!({}), false)]
    #[case::list(json!({"a": [1, 2]}), json!({"a": [1, 2]}), true)]
    #[case::longer_list(json!({"a": [1]}), json!({"a": [1, 2]}), false)]
    #[case::reordered_list(json!({"a": [1, 2]}), json!({"a": [2, 1]}), false)]
    #[case::defaulted_item(json!({"a": [{"b": 1}]}), json!({"a": [{"b": 1, "c": 2}]}), false)]
    #[case::one_of_two_owners(
        json!({"ownerReferences": [{"uid": "1"}]}),
        json!({"ownerReferences": [{"uid": "2"}, {"uid": "1", "controller": true}]}),
        true
    )]
    #[case::another_owner(
        json!({"ownerReferences": [{"uid": "1"}]}),
        json!({"ownerReferences": [{"uid": "2"}]}),
        false
    )]
    fn only_what_is_there_whole_is_a_subset(
        #[case] desired: Value,
        #[case] live: Value,
        #[case] subset: bool,
    ) {
        assert_eq!(is_subset(&desired, &live), subset);
    }

    #[rstest]
    #[case::nothing_owned(json!({}), json!(null), false)]
    #[case::all_there(json!({"a": {"b": 1}}), json!({"f:a": {".": {}, "f:b": {}}}), false)]
    #[case::dropped(json!({"a": {"b": 1}}), json!({"f:a": {"f:b": {}, "f:c": {}}}), true)]
    #[case::colon_in_a_name(json!({"a:b": 1}), json!({"f:a:b": {}}), false)]
    #[case::item(
        json!({"p": [{"port": 80, "name": "x"}]}),
        json!({"f:p": {"k:{\"port\":80}": {".": {}, "f:name": {}}}}),
        false
    )]
    #[case::dropped_item(
        json!({"p": [{"port": 81}]}),
        json!({"f:p": {"k:{\"port\":80}": {".": {}}}}),
        true
    )]
    #[case::set(json!({"s": ["x"]}), json!({"f:s": {"v:\"x\"": {}}}), false)]
    #[case::dropped_of_a_set(json!({"s": ["x"]}), json!({"f:s": {"v:\"y\"": {}}}), true)]
    #[case::unsure(json!({"s": ["x"]}), json!({"f:s": {"i:0": {}}}), true)]
    fn a_field_that_is_no_longer_wanted_is_noticed(
        #[case] desired: Value,
        #[case] owned: Value,
        #[case] lacking: bool,
    ) {
        assert_eq!(lacks(&desired, &owned), lacking);
    }

    #[rstest]
    #[case::nothing(json!({"a": 1}), json!(null), json!({}))]
    #[case::members(
        json!({"a": {"b": 1, "c": 2}, "d": 3}),
        json!({"f:a": {".": {}, "f:b": {}}, "f:e": {}}),
        json!({"a": {"b": 1}})
    )]
    #[case::whole(json!({"a": {"b": [1]}}), json!({"f:a": {}}), json!({"a": {"b": [1]}}))]
    #[case::an_empty_map(json!({"a": {"b": 1}}), json!({"f:a": {".": {}}}), json!({"a": {}}))]
    #[case::items_as_they_stand(
        json!({"p": [{"port": 2, "x": 1}, {"port": 3}, {"port": 1}]}),
        json!({"f:p": {"k:{\"port\":1}": {}, "k:{\"port\":2}": {".": {}, "f:port": {}}}}),
        json!({"p": [{"port": 2}, {"port": 1}]})
    )]
    #[case::of_a_set(json!({"s": ["y", "x"]}), json!({"f:s": {"v:\"x\"": {}}}), json!({"s": ["x"]}))]
    fn what_is_held_has_the_values_that_stand(
        #[case] live: Value,
        #[case] owned: Value,
        #[case] expected: Value,
    ) {
        assert_eq!(held(&live, &owned), expected);
    }

    #[test]
    fn paths_are_written_as_in_conflicts() {
        let owned = json!({
            "f:data": { ".": {}, "f:ca.crt": {} },
            "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { "f:name": {} } },
            "f:set": { "v:\"x\"": {} },
        });
        let expected = [
            ".data",
            ".data.ca.crt",
            ".ports",
            ".ports[port=80,protocol=\"TCP\"]",
            ".ports[port=80,protocol=\"TCP\"].name",
            ".set",
            ".set[=\"x\"]",
        ];
        assert_eq!(paths(&owned), expected.map(str::to_owned).into());
    }
}
