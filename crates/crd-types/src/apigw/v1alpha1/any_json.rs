//! Schemas of what may be any JSON.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Any JSON.
pub(super) fn any_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// Any JSON by name.
pub(super) fn map_of_any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true },
        "maxProperties": 256,
    })
}
