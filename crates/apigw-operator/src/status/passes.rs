//! Starts passes where something may have changed that a status tells.

use std::sync::Arc;

use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use operator_core::{
    decide::queue::Class,
    engines::{controller::Controller, fanout::Wake},
};

use super::Statuses;
use crate::{
    plan::Planner,
    snapshot::{ItemId, Kind},
};

/// Starts passes.
pub struct Passes {
    /// Over routes.
    pub routes: Arc<Controller<Statuses<APIRoute>>>,
    /// Over backends.
    pub backends: Arc<Controller<Statuses<Backend>>>,
    /// Knows what there is.
    pub planner: Arc<Planner>,
}

impl Passes {
    /// Starts one over the object `id`.
    pub fn over(&self, id: &ItemId) {
        match id.kind {
            Kind::ApiRoute => self.routes.trigger(&id.key, Class::Reference),
            Kind::Backend => self.backends.trigger(&id.key, Class::Reference),
        }
    }

    /// Starts one over each whose standing may have changed.
    pub fn wake(&self, whom: Wake<ItemId>) {
        match whom {
            Wake::Some(ids) => ids.iter().for_each(|id| self.over(id)),
            Wake::All => {
                if let Some(plan) = self.planner.current() {
                    plan.verdicts().for_each(|(id, _)| self.over(id));
                }
            }
        }
    }
}
