//! What a spec may look like: which parts of it have a name, and what must not be missing. Read from the schema.

use std::{collections::BTreeMap, sync::LazyLock};

use crd_types::aws::v1alpha1::S3Bucket;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use serde_json::Value;

/// The shape of a value in a spec.
#[derive(Debug)]
pub(super) enum Shape {
    /// Fields by their names.
    Object {
        fields: BTreeMap<String, Shape>,
        /// Switches that are always given. Values leave them out where they are off.
        switches: Vec<String>,
    },
    /// Values by keys of the user's own.
    Map,
    /// Items by their ids.
    Items(Box<Shape>),
    /// What has no parts with names of their own: text, a number, a list without ids.
    Whole,
}

/// The shape of an S3Bucket's spec.
static SPEC: LazyLock<Shape> = LazyLock::new(|| {
    let versions = S3Bucket::crd().spec.versions.into_iter();
    let schema = versions.filter_map(|version| version.schema?.open_api_v3_schema);
    let spec = schema
        .filter_map(|schema| schema.properties?.remove("spec"))
        .next();
    spec.as_ref().map_or(Shape::Whole, Shape::of)
});

/// One step on the way to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Field(String),
    Item(String),
}

impl Shape {
    /// The shape of a field of the spec.
    pub fn of_field(name: &str) -> &'static Self {
        match &*SPEC {
            Self::Object { fields, .. } => fields.get(name).unwrap_or(&Self::Whole),
            _ => &Self::Whole,
        }
    }

    fn of(schema: &JSONSchemaProps) -> Self {
        let keys = schema.x_kubernetes_list_map_keys.as_deref();
        match (&schema.properties, &schema.items, keys) {
            (Some(properties), ..) => {
                let is_switch =
                    |name: &&String| properties[*name].type_.as_deref() == Some("boolean");
                let required = schema.required.iter().flatten();
                Self::Object {
                    fields: properties
                        .iter()
                        .map(|(name, field)| (name.clone(), Self::of(field)))
                        .collect(),
                    switches: required.filter(is_switch).cloned().collect(),
                }
            }
            (_, Some(JSONSchemaPropsOrArray::Schema(item)), Some([key])) if key == "id" => {
                Self::Items(Box::new(Self::of(item)))
            }
            _ if schema.additional_properties.is_some() => Self::Map,
            _ => Self::Whole,
        }
    }

    /// The names that lead to `part` (`[old].expiration`); none where it lies within what has no parts.
    ///
    /// # Errors
    /// What there is instead of the part.
    pub fn names(&self, part: &str) -> Result<Option<Vec<Name>>, String> {
        let (mut shape, mut rest, mut names) = (self, part, Vec::new());
        while !rest.is_empty() {
            let (name, below, after) = match shape {
                Self::Whole => return Ok(None),
                Self::Map => {
                    let key = rest.strip_prefix('.').filter(|key| !key.is_empty());
                    let key = key.ok_or_else(|| format!("found {rest:?}, allowed is .KEY"))?;
                    (Name::Field(key.to_owned()), &Self::Whole, "")
                }
                Self::Items(item) => {
                    let inner = rest
                        .strip_prefix('[')
                        .and_then(|inner| inner.split_once(']'));
                    let (id, after) =
                        inner.ok_or_else(|| format!("found {rest:?}, allowed is [ID]"))?;
                    (Name::Item(id.to_owned()), &**item, after)
                }
                Self::Object { fields, .. } => {
                    let inner = rest.strip_prefix('.').unwrap_or_default();
                    let (name, after) =
                        inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()));
                    let below = fields.get(name).ok_or_else(|| {
                        let known: Vec<String> =
                            fields.keys().map(|name| format!(".{name}")).collect();
                        format!("found {rest:?}, allowed are {}", known.join(", "))
                    })?;
                    (Name::Field(name.to_owned()), below, after)
                }
            };
            names.push(name);
            (shape, rest) = (below, after);
        }
        Ok(Some(names))
    }

    /// `value` as a spec would say it: with the switches that are off.
    ///
    /// # Errors
    /// The part of it, at `path`, that lacks what it cannot be without.
    pub fn spelled_out(&self, value: &Value, path: &str) -> Result<Value, String> {
        match (self, value) {
            (Self::Object { fields, switches }, Value::Object(values)) => {
                let mut said = values.clone();
                for (name, value) in said.iter_mut() {
                    let path = format!("{path}.{name}");
                    if value.as_object().is_some_and(|inner| inner.is_empty()) {
                        return Err(format!("{path} would be left empty"));
                    }
                    if let Some(shape) = fields.get(name) {
                        *value = shape.spelled_out(value, &path)?;
                    }
                }
                for name in switches {
                    said.entry(name.clone()).or_insert(Value::Bool(false));
                }
                Ok(Value::Object(said))
            }
            (Self::Items(item), Value::Array(items)) => {
                let said = items.iter().map(|value| {
                    let id = value["id"].as_str().unwrap_or_default();
                    item.spelled_out(value, &format!("{path}[{id}]"))
                });
                said.collect()
            }
            _ => Ok(value.clone()),
        }
    }
}

impl Name {
    /// What stands under this name.
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        let found = match self {
            Self::Field(name) => value.get(name),
            Self::Item(id) => super::facets::item(value, id),
        };
        found.filter(|found| !found.is_null())
    }

    /// `value` with `part` under this name, or with nothing there.
    pub fn put(&self, value: &Value, part: Option<Value>) -> Value {
        match self {
            Self::Field(name) => {
                let mut fields = value.as_object().cloned().unwrap_or_default();
                // To AWS an empty list and none are the same.
                let said = part.filter(|part| part.as_array().is_none_or(|list| !list.is_empty()));
                match said {
                    Some(part) => fields.insert(name.clone(), part),
                    None => fields.remove(name),
                };
                Value::Object(fields)
            }
            Self::Item(id) => {
                let items = value.as_array().into_iter().flatten();
                let others = items.filter(|item| item["id"] != **id).cloned();
                others.chain(part).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn field(name: &str) -> Name {
        Name::Field(name.to_owned())
    }

    fn item(id: &str) -> Name {
        Name::Item(id.to_owned())
    }

    #[rstest]
    #[case("versioning", "", Some(vec![]))]
    #[case("website", ".errorDocument", Some(vec![field("errorDocument")]))]
    #[case("lifecycleRules", "[a.b].expiration.days", Some(vec![item("a.b"), field("expiration"), field("days")]))]
    #[case("lifecycleRules", "[a].tags.a.b[c]", Some(vec![item("a"), field("tags"), field("a.b[c]")]))]
    #[case("replication", ".rules[a]", Some(vec![field("rules"), item("a")]))]
    #[case("notification", ".queues[a].events", Some(vec![field("queues"), item("a"), field("events")]))]
    #[case("tags", ".a.b/c", Some(vec![field("a.b/c")]))]
    #[case("policy", ".Statement", None)]
    #[case("corsRules", "[0]", None)]
    #[case("website", ".routingRules[0].condition", None)]
    fn a_part_has_a_name_or_stands_for_the_whole(
        #[case] facet: &str,
        #[case] part: &str,
        #[case] names: Option<Vec<Name>>,
    ) {
        assert_eq!(Shape::of_field(facet).names(part), Ok(names));
    }

    #[rstest]
    #[case("versioning", ".enable", "allowed are .enabled")]
    #[case("website", ".errorDocuments", ".errorDocument, .indexDocument")]
    #[case("website", "[a]", ".errorDocument")]
    #[case("lifecycleRules", ".a", "allowed is [ID]")]
    #[case("lifecycleRules", "[a", "allowed is [ID]")]
    #[case("lifecycleRules", "[a].expires", ".expiration")]
    #[case("tags", "[a]", "allowed is .KEY")]
    fn what_no_spec_can_have_names_what_it_can(
        #[case] facet: &str,
        #[case] part: &str,
        #[case] allowed: &str,
    ) {
        let why = Shape::of_field(facet).names(part).unwrap_err();
        assert!(why.contains(allowed), "{why}");
        assert!(why.starts_with("found"), "{why}");
    }

    #[test]
    fn what_is_off_is_spelled_out_and_what_lacks_something_is_named() {
        let spelled = |facet: &str, value: &Value| Shape::of_field(facet).spelled_out(value, facet);
        assert_eq!(
            spelled("lifecycleRules", &json!([{ "id": "a", "prefix": "x" }])),
            Ok(json!([{ "id": "a", "prefix": "x", "enabled": false }]))
        );
        assert_eq!(
            spelled("lifecycleRules", &json!([{ "id": "a", "tags": {} }])),
            Err("lifecycleRules[a].tags would be left empty".to_owned())
        );
    }
}
