//! Valid objects that together have a value for every field.

mod apigw;
mod aws;

use serde_json::{Value, json};

use crate::tree::Path;

/// Full objects of a kind. Where fields exclude each other there is one object for each choice.
pub fn bases(kind: &str) -> Vec<Value> {
    match kind {
        "APIRoute" => apigw::routes(),
        "AWSProvider" => aws::providers(),
        "Backend" => apigw::backends(),
        "S3Bucket" => aws::buckets(),
        _ => panic!("no objects of the kind {kind}: add some"),
    }
}

/// Every full object that has a value at `path`, and the pointer to it.
pub fn bases_with(kind: &str, path: &Path) -> Vec<(Value, String)> {
    let bases = bases(kind).into_iter();
    bases
        .filter_map(|base| path.pointer_in(&base).map(|pointer| (base, pointer)))
        .collect()
}

/// The first of them.
pub fn base_with(kind: &str, path: &Path) -> (Value, String) {
    let mut bases = bases_with(kind, path).into_iter();
    bases
        .next()
        .unwrap_or_else(|| panic!("no object of the kind {kind} has {path}: add it to one"))
}

/// The part of a status that every kind has.
fn lifecycle() -> Value {
    json!({
        "ready": true,
        "observedGeneration": 1,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Tried", "message": "for a test",
            "lastTransitionTime": "2024-01-02T03:04:05Z", "observedGeneration": 1,
        }],
        "lastSyncTime": "2024-01-02T03:04:05Z",
        "lastHandledReconcileAt": "now",
    })
}

/// A JSON merge patch (RFC 7386).
pub fn json_patch(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            value.as_object_mut().expect("made one above").remove(key);
        } else {
            json_patch(&mut value[key], change);
        }
    }
}
