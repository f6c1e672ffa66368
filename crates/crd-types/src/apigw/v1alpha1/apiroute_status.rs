use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::applied_gateways::{AppliedGateways, without_deletion_policy};
use crate::{
    lifecycle::{HasLifecycle, Lifecycle},
    schema::conform,
};

/// What became of a route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_deletion_policy, transform = conform)]
pub struct APIRouteStatus {
    /// What every kind's status has. Conditions: Accepted, ResolvedRefs, Programmed, Ready, Reconciling,
    /// Stalled.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,

    /// Which gateways have the route.
    #[serde(flatten)]
    pub gateways: AppliedGateways,
}

impl HasLifecycle for APIRouteStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}
