use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::applied_gateways::{AppliedGateways, without_deletion_policy};
use crate::{
    lifecycle::{HasLifecycle, Lifecycle},
    schema::conform,
};

/// What became of a backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_deletion_policy, transform = conform)]
pub struct BackendStatus {
    /// What every kind's status has. Conditions: Accepted, ResolvedRefs, Programmed, Ready, Reconciling,
    /// Stalled.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,

    /// Which gateways have the backend.
    #[serde(flatten)]
    pub gateways: AppliedGateways,

    /// How many hosts count as healthy. The operator asks no host: gateways do, and keep what they find to
    /// themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub healthy_hosts: Option<i32>,

    /// How many hosts the spec names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub total_hosts: Option<i32>,

    /// When healthyHosts was last written. No host was asked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_health_check: Option<Time>,
}

impl HasLifecycle for BackendStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}
