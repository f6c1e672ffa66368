//! What the compiler and the gateway say of a spec.

use std::sync::Arc;

use apigw_operator::compile;
use crd_types::rules::InvalidField;
use gateway::{Kind, verdict};
use operator_core::{cluster::config_maps::NoText, decide::key::ObjectKey};
use serde_json::{Value, json};

/// The ConfigMap `docs` has `spec.yaml`, and no other is there.
fn text(config_map: &ObjectKey, key: Option<&str>) -> Result<Arc<str>, NoText> {
    match key {
        Some("spec.yaml") if &*config_map.name == "docs" => Ok("openapi: 3.0.0".into()),
        _ => Err(NoText::NoConfigMap {
            config_map: config_map.clone(),
        }),
    }
}

/// What is sent of a spec. None if the operator cannot even read it: then nothing is sent.
pub fn compiled(kind: Kind, spec: &Value) -> Option<Result<Value, InvalidField>> {
    let object = json!({
        "apiVersion": "avapigw.io/v1alpha1",
        "kind": if kind == Kind::Backend { "Backend" } else { "APIRoute" },
        "metadata": {"name": "one", "namespace": "ns"},
        "spec": spec,
    });
    let candidate = match kind {
        Kind::Backend => compile::backend(&serde_json::from_value(object).ok()?),
        _ => compile::route(&serde_json::from_value(object).ok()?, &text),
    };
    Some(candidate.map(|candidate| {
        let sent = candidate.item.resource().spec_json;
        serde_json::from_slice(&sent).expect("what is sent is JSON")
    }))
}

/// What the gateway says of a spec that is sent as it is.
pub fn taken(kind: Kind, spec: &Value) -> Result<(), String> {
    let mut spec = spec.clone();
    spec["name"] = "one".into();
    verdict(kind, &spec.to_string().into())
}

/// Whether the operator lets the spec through; fails if it does and the gateway would not take it.
pub fn agree(kind: Kind, spec: &Value) -> Result<bool, String> {
    let Some(Ok(sent)) = compiled(kind, spec) else {
        return Ok(false);
    };
    match taken(kind, &sent) {
        // What lies on the gateways' machines is known to them alone.
        Err(why) if why.contains("failed to load TLS file") => Ok(true),
        Err(why) => Err(format!("the gateway refuses {sent}: {why}")),
        Ok(()) => Ok(true),
    }
}
