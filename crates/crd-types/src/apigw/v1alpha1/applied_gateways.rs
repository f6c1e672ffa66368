use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// Which gateways have an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedGateways {
    /// Gateways that have acknowledged the spec of the generation in observedGeneration: at most 32 of them.
    /// Replicas of one gateway have the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub applied_gateways: Vec<AppliedGateway>,
    /// How many connected gateways have acknowledged it, those beyond the list included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub applied_gateway_count: Option<i32>,
    /// How many gateways are connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub total_gateway_count: Option<i32>,
}

impl AppliedGateways {
    /// How many gateways the list may name.
    pub const MOST: usize = 32;
}

/// A gateway that has an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedGateway {
    /// Name of the gateway, as it registered.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Namespace of the gateway, as it registered.
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// When it acknowledged.
    pub last_applied: Time,
}

/// Takes a field away that only kinds with something outside the cluster have.
pub(super) fn without_deletion_policy(status: &mut Schema) {
    let fields = status.pointer_mut("/properties");
    if let Some(fields) = fields.and_then(|fields| fields.as_object_mut()) {
        fields.remove("deletionPolicy");
    }
}
