//! Values that scenarios install with.

use serde_json::{Value, json};

use crate::Ground;

/// What cloud-operator is told so that it works with our AWS.
pub fn cloud(ground: &Ground) -> Value {
    json!({
        "image": ground.image(),
        "aws": { "allowedEndpoints": [ground.aws().url()], "allowHttpEndpoints": true },
        "log": { "format": "json" },
    })
}

/// For these namespaces alone, on a cluster that has the definitions.
pub fn limited(namespaces: &[&str]) -> Value {
    json!({ "watchNamespaces": namespaces, "crds": { "install": false } })
}

/// The values with `more` beside them; what both have is as `more` says.
pub fn with(mut values: Value, more: Value) -> Value {
    if let (Value::Object(values), Value::Object(more)) = (&mut values, more) {
        values.extend(more);
    }
    values
}
