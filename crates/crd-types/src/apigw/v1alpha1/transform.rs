use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    any_json::any_json, any_json::map_of_any, header_values::HeaderValues, maps::text_map,
};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    text::given,
};

/// How bodies are changed on their way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transform {
    /// Changes to the body of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestTransform>,

    /// Changes to the body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseTransform>,
}

checks!(Transform {
    response: ".response"
});

/// How the body of a request is changed before it is forwarded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestTransform {
    /// Template of the new body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub template: Option<String>,

    /// True: the body is forwarded as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthrough_body: Option<bool>,

    /// Headers with a fixed value.
    #[serde(default, skip_serializing_if = "HeaderValues::is_empty")]
    pub static_headers: HeaderValues,

    /// Headers with a value taken from the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub dynamic_headers: Vec<DynamicHeader>,

    /// Fields that are put into the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub inject_fields: Vec<InjectedField>,

    /// Fields that are taken out of the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub remove_fields: Vec<String>,

    /// Values of fields that the body does not have. Any JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "map_of_any")]
    pub default_values: BTreeMap<String, Value>,

    /// True: the body is validated before it is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_before_transform: Option<bool>,
}

/// A header with a value taken from the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicHeader {
    /// Name of the header.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Where the value is taken from.
    #[schemars(length(min = 1, max = 1024))]
    pub source: String,
}

/// A field that is put into a body. One of value and source says what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InjectedField {
    /// The field.
    #[schemars(length(min = 1, max = 1024))]
    pub field: String,

    /// Its value, any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_json")]
    pub value: Option<Value>,

    /// Where its value is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub source: Option<String>,
}

/// How the body of an answer is changed before it goes to the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ResponseTransform {
    /// Fields that stay; all others go. Not together with denyFields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(max = 1024)))]
    pub allow_fields: Vec<String>,

    /// Fields that go. Not together with allowFields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(max = 1024)))]
    pub deny_fields: Vec<String>,

    /// New names of fields, by their old names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text_map")]
    pub field_mappings: BTreeMap<String, String>,

    /// Fields that are gathered in an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub group_fields: Vec<FieldGroup>,

    /// Objects whose fields are moved up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 1024)))]
    pub flatten_fields: Vec<String>,

    /// Changes to lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub array_operations: Vec<ArrayOperation>,

    /// Template of the new body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub template: Option<String>,

    /// How bodies of several destinations become one: deep, shallow, replace or ndjson.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_strategy: Option<MergeStrategy>,
}

impl Ruled for ResponseTransform {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "!has(self.allowFields) || self.allowFields.size() == 0 || !has(self.denyFields) || self.denyFields.size() == 0",
        "allowFields and denyFields exclude each other: give one of them",
        |answer| answer.allow_fields.is_empty() || answer.deny_fields.is_empty(),
    )];
}

checks!(ruled ResponseTransform { array_operations: ".arrayOperations" });

/// Fields that are gathered in an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldGroup {
    /// Name of the object.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,

    /// The fields.
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 1024)))]
    pub fields: Vec<String>,
}

/// A change to a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct ArrayOperation {
    /// The list.
    #[schemars(length(min = 1, max = 1024))]
    pub field: String,

    /// What is done: append, prepend, filter, sort, limit or deduplicate.
    pub operation: ArrayOperationKind,

    /// What is appended or prepended, or how many items stay. Any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_json")]
    pub value: Option<Value>,

    /// Which items stay, for filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub condition: Option<String>,
}

impl Ruled for ArrayOperation {
    const RULES: &'static [Rule<Self>] = &[Rule::of_field(
        ".condition",
        "self.operation != 'filter' || (has(self.condition) && self.condition != '')",
        "operation filter needs condition",
        |change| {
            change.operation != ArrayOperationKind::Filter || given(change.condition.as_deref())
        },
    )];
}

checks!(ruled ArrayOperation {});

/// What is done to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ArrayOperationKind {
    /// A value is put behind it.
    #[serde(rename = "append")]
    Append,
    /// A value is put before it.
    #[serde(rename = "prepend")]
    Prepend,
    /// Only some items stay.
    #[serde(rename = "filter")]
    Filter,
    /// It is sorted.
    #[serde(rename = "sort")]
    Sort,
    /// Only so many items stay.
    #[serde(rename = "limit")]
    Limit,
    /// Every item stays once.
    #[serde(rename = "deduplicate")]
    Deduplicate,
}

/// How several bodies become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// Objects within objects are merged.
    #[serde(rename = "deep")]
    Deep,
    /// Only the fields of the outermost object are merged.
    #[serde(rename = "shallow")]
    Shallow,
    /// The last one wins.
    #[serde(rename = "replace")]
    Replace,
    /// One line each.
    #[serde(rename = "ndjson")]
    Ndjson,
}
