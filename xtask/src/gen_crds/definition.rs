//! What may change in a definition that users have.

use serde_json::Value;

use super::schema::{self, change, items};

/// Where the names stand that clients and stored objects depend on.
const FIXED: [&str; 8] = [
    "/spec/group",
    "/spec/scope",
    "/spec/names/kind",
    "/spec/names/listKind",
    "/spec/names/plural",
    "/spec/names/singular",
    "/spec/conversion",
    "/spec/preserveUnknownFields",
];

/// The names that people type: more are welcome.
const GROWING: [&str; 2] = ["/spec/names/shortNames", "/spec/names/categories"];

/// One line for each way in which the definition `is` takes something away from those who have `was`.
///
/// Printer columns are free: they are for people's eyes, and programs read objects.
pub fn compare(was: &Value, is: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for place in FIXED {
        let (old, new) = (was.pointer(place), is.pointer(place));
        if old != new {
            faults.push(change(&dotted(place), old, new));
        }
    }
    for place in GROWING {
        let (old, new) = (was.pointer(place), is.pointer(place));
        faults.extend(lost(&dotted(place), old, new));
    }
    let name = |version: &Value| version["name"].as_str().unwrap_or_default().to_owned();
    for old in versions(was).filter(|version| version["served"] == true) {
        let name = name(old);
        let new = versions(is).find(|version| version["name"] == name && version["served"] == true);
        match new {
            None => faults.push(format!("{name}: the version is served no longer")),
            Some(new) => {
                let found = compare_versions(old, new);
                faults.extend(found.into_iter().map(|fault| format!("{name} {fault}")));
            }
        }
    }
    let stored = |definition: &Value| {
        versions(definition)
            .find(|it| it["storage"] == true)
            .map(name)
    };
    if stored(was) != stored(is) {
        let said = |version: Option<String>| version.map(Value::from);
        let (old, new) = (said(stored(was)), said(stored(is)));
        faults.push(change(
            "the version that is stored",
            old.as_ref(),
            new.as_ref(),
        ));
    }
    faults
}

fn compare_versions(was: &Value, is: &Value) -> Vec<String> {
    let part = |pointer: &str| (was.pointer(pointer), is.pointer(pointer));
    let mut faults = Vec::new();
    // Without it a write of the object writes the status, and with it no longer does.
    let (old, new) = part("/subresources/status");
    if old.is_some() != new.is_some() {
        faults.push(change("subresources.status", old, new));
    }
    let (old, new) = part("/subresources/scale");
    if old.is_some() && old != new {
        faults.push(change("subresources.scale", old, new));
    }
    let (old, new) = part("/selectableFields");
    faults.extend(lost("selectableFields", old, new));
    match part("/schema/openAPIV3Schema") {
        (Some(old), Some(new)) => faults.extend(schema::compare(old, new)),
        (old, new) if old != new => faults.push(change("schema", old, new)),
        _ => {}
    }
    faults
}

/// What a list has no longer.
fn lost(name: &str, was: Option<&Value>, is: Option<&Value>) -> Option<String> {
    let left = is.map(items).unwrap_or_default();
    let gone = was.map(items).unwrap_or_default().iter();
    let gone: Vec<_> = gone
        .filter(|it| !left.contains(it))
        .map(Value::to_string)
        .collect();
    (!gone.is_empty()).then(|| format!("{name}: {} is gone", gone.join(", ")))
}

fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    items(&definition["spec"]["versions"]).iter()
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition() -> Value {
        json!({ "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": { "kind": "Box", "plural": "boxes", "singular": "box", "shortNames": ["bx"], "categories": ["all"] },
            "versions": [
                {
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object", "properties": { "size": { "type": "integer" } } } },
                    "subresources": { "status": {} },
                    "selectableFields": [{ "jsonPath": ".spec.size" }],
                    "additionalPrinterColumns": [{ "name": "Size", "jsonPath": ".spec.size", "type": "integer" }],
                },
                { "name": "v0", "served": false, "storage": false },
            ],
        } })
    }

    /// The definition with another value at a place; without any if that is null.
    fn with(place: &str, value: Value) -> Value {
        let mut changed = definition();
        let (parent, name) = place.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Object(fields), Value::Null) => drop(fields.remove(name)),
            (Value::Object(fields), value) => drop(fields.insert(name.to_owned(), value)),
            (Value::Array(values), Value::Null) => drop(values.remove(name.parse().unwrap())),
            (Value::Array(values), value) => values.push(value),
            (other, _) => panic!("{other} has nothing below it"),
        }
        changed
    }

    #[test]
    fn what_takes_something_away_is_told() {
        let v1 = "/spec/versions/0";
        let cases = [
            (
                "/spec/group".to_owned(),
                json!("example.com"),
                r#"spec.group was "example.org", is "example.com""#,
            ),
            (
                "/spec/scope".to_owned(),
                json!("Cluster"),
                r#"spec.scope was "Namespaced", is "Cluster""#,
            ),
            (
                "/spec/names/kind".to_owned(),
                json!("Crate"),
                r#"spec.names.kind was "Box", is "Crate""#,
            ),
            (
                "/spec/names/plural".to_owned(),
                json!("boxs"),
                r#"spec.names.plural was "boxes", is "boxs""#,
            ),
            (
                "/spec/names/singular".to_owned(),
                Value::Null,
                r#"spec.names.singular was "box", is gone"#,
            ),
            (
                "/spec/names/shortNames".to_owned(),
                json!(["b"]),
                r#"spec.names.shortNames: "bx" is gone"#,
            ),
            (
                "/spec/names/categories".to_owned(),
                Value::Null,
                r#"spec.names.categories: "all" is gone"#,
            ),
            (
                "/spec/conversion".to_owned(),
                json!({}),
                "spec.conversion {} is new",
            ),
            (
                format!("{v1}/served"),
                json!(false),
                "v1: the version is served no longer",
            ),
            (
                format!("{v1}/name"),
                json!("v2"),
                "v1: the version is served no longer",
            ),
            (
                format!("{v1}/storage"),
                json!(false),
                r#"the version that is stored was "v1", is gone"#,
            ),
            (
                format!("{v1}/subresources"),
                Value::Null,
                "v1 subresources.status was {}, is gone",
            ),
            (
                format!("{v1}/selectableFields/0"),
                Value::Null,
                r#"v1 selectableFields: {"jsonPath":".spec.size"} is gone"#,
            ),
            (
                format!("{v1}/schema/openAPIV3Schema/properties/size/type"),
                json!("string"),
                r#"v1 size: type was "integer", is "string""#,
            ),
        ];
        for (place, value, expected) in cases {
            let faults = compare(&definition(), &with(&place, value));
            assert_eq!(
                faults.first().map(String::as_str),
                Some(expected),
                "{place}: {faults:#?}"
            );
        }
    }

    #[test]
    fn a_status_that_becomes_a_part_of_its_own_is_told() {
        let without = with("/spec/versions/0/subresources", Value::Null);
        assert_eq!(
            compare(&without, &definition()),
            ["v1 subresources.status {} is new"]
        );
    }

    #[test]
    fn what_adds_is_free() {
        let v1 = "/spec/versions/0";
        let free = [
            ("/spec/names/shortNames".to_owned(), json!(["b", "bx"])),
            (
                "/spec/versions/-".to_owned(),
                json!({ "name": "v2", "served": true, "storage": false }),
            ),
            ("/spec/versions/1".to_owned(), Value::Null),
            (format!("{v1}/additionalPrinterColumns"), Value::Null),
            (format!("{v1}/deprecated"), json!(true)),
            (
                format!("{v1}/selectableFields/-"),
                json!({ "jsonPath": ".spec.name" }),
            ),
            (
                format!("{v1}/subresources/scale"),
                json!({ "specReplicasPath": ".spec.size" }),
            ),
            (
                format!("{v1}/schema/openAPIV3Schema/properties/name"),
                json!({ "type": "string" }),
            ),
        ];
        for (place, value) in free {
            assert_eq!(
                compare(&definition(), &with(&place, value)),
                [""; 0],
                "{place}"
            );
        }
        assert_eq!(compare(&definition(), &definition()), [""; 0]);
    }
}
