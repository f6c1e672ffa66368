//! The fence before every write: it leaves only while this replica leads.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, context::BeforeTransmitInterceptorContextRef, dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use operator_core::cluster::leading::Leading;

/// Stops a signed request that would leave after the lease's local deadline.
///
/// It looks right before the request is sent, so credentials that took long to load cannot carry a write past
/// the deadline.
#[derive(Debug)]
pub(super) struct Fence(Leading);

impl Fence {
    pub(super) fn of(leading: &Leading) -> Self {
        Self(leading.clone())
    }
}

#[dyn_dispatch_hint]
impl Intercept for Fence {
    fn name(&self) -> &'static str {
        "Fence"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.check().map_err(BoxError::from)
    }
}
