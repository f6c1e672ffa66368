//! Schema of a part of a whole.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A number from 0 to 1. It is kept as it is written: 1 does not become 1.0.
pub(super) fn zero_to_one(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
}
