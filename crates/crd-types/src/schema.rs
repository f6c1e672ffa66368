//! Where what schemars makes and what the API server wants differ.

use schemars::{
    Schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

/// Makes a schema and everything below it what the API server and `kubectl explain` want.
pub(crate) fn conform(schema: &mut Schema) {
    RecursiveTransform(forbid_null).transform(schema);
    RecursiveTransform(join_lines).transform(schema);
}

/// A comment's line breaks are the editor's; `kubectl explain` breaks lines by itself.
fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs: Vec<_> = description
            .split("\n\n")
            .map(|text| text.replace('\n', " "))
            .collect();
        *description = paragraphs.join("\n\n");
    }
}

/// A field that is not wanted is left out. The API server drops a `null` in a field that does not allow one,
/// and so CEL's `has()` means what it seems to mean.
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

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Size {
        /// Little.
        Small,
        Large,
    }

    #[derive(JsonSchema)]
    #[schemars(transform = conform)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct Parcel {
        /// First line
        /// and second.
        ///
        /// Another paragraph.
        label: Option<String>,
        weight: Option<i32>,
        size: Option<Size>,
        inner: Option<Inner>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct Inner {
        note: Option<String>,
    }

    fn parcel() -> Value {
        let settings =
            SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
        let mut generator: SchemaGenerator = settings.into_generator();
        Parcel::json_schema(&mut generator).to_value()
    }

    #[test]
    fn no_field_allows_null() {
        let parcel = parcel();
        for field in ["label", "weight", "inner"] {
            assert!(
                parcel["properties"][field]["type"].is_string(),
                "{field}: {parcel:#}"
            );
        }
        assert!(parcel["properties"]["inner"]["properties"]["note"]["type"].is_string());
        assert!(!parcel.to_string().contains("null"), "{parcel:#}");
    }

    #[test]
    fn descriptions_keep_paragraphs_only() {
        assert_eq!(
            parcel()["properties"]["label"]["description"],
            "First line and second.\n\nAnother paragraph."
        );
    }
}
