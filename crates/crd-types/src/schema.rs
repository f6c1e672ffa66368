//! Where what schemars makes and what the API server wants differ.

use schemars::{
    Schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

/// Takes `null` out of a schema and everything below it.
///
/// A field that is not wanted is left out. The API server drops a `null` in a field that does not allow one,
/// and so CEL's `has()` means what it seems to mean.
pub(crate) fn absent_not_null(schema: &mut Schema) {
    RecursiveTransform(forbid_null).transform(schema);
}

fn forbid_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = object.get("anyOf")
        && let [Value::Object(some), none] = choices.as_slice()
        && *none == json!({ "type": "null" })
    {
        let some = some.clone();
        object.remove("anyOf");
        for (key, value) in some {
            object.entry(key).or_insert(value);
        }
    }
}

/// Gives a list of conditions the bounds of `metav1.Condition`
/// (<https://github.com/kubernetes/apimachinery/blob/v0.33.0/pkg/apis/meta/v1/types.go>, `type Condition`).
pub(crate) fn bounded_conditions(schema: &mut Schema) {
    let bounds = [
        (
            "/items/properties/type",
            json!({ "minLength": 1, "maxLength": 316 }),
        ),
        (
            "/items/properties/status",
            json!({ "enum": ["True", "False", "Unknown"] }),
        ),
        (
            "/items/properties/observedGeneration",
            json!({ "minimum": 0 }),
        ),
        (
            "/items/properties/reason",
            json!({ "minLength": 1, "maxLength": 1024 }),
        ),
        ("/items/properties/message", json!({ "maxLength": 32768 })),
    ];
    for (field, bounds) in bounds {
        if let (Some(Value::Object(field)), Value::Object(bounds)) =
            (schema.pointer_mut(field), bounds)
        {
            field.extend(bounds);
        }
    }
}
