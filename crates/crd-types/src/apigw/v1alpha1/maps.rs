//! Schemas of maps.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Texts by name.
pub(super) fn text_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 4096 },
        "maxProperties": 1024,
    })
}

/// Lists of texts by name.
pub(super) fn list_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "items": { "type": "string", "maxLength": 1024 },
            "maxItems": 256,
        },
        "maxProperties": 256,
    })
}
