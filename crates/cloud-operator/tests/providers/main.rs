//! Providers: where credentials come from, what their loss stops, and who may use them.

mod ambient;
mod leave;
mod loss;
mod lost_answers;
mod network;
mod roles;
#[path = "../scene/mod.rs"]
mod scene;
mod secrets;

use anyhow::Result;
use crd_types::aws::v1alpha1::AWSProvider;
use scene::Scene;
use serde_json::{Value, json};

/// A provider before the scene's AWS.
async fn create(scene: &Scene, name: &str, spec: Value) -> Result<AWSProvider> {
    let mut whole = json!({ "region": "eu-central-1", "endpoint": scene.aws.url() });
    for (field, value) in spec.as_object().into_iter().flatten() {
        whole[field] = value.clone();
    }
    let object = json!({ "kind": "AWSProvider", "metadata": { "name": name }, "spec": whole });
    scene.create(object).await
}
