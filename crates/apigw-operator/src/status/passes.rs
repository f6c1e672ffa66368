//! Starts passes where something may have changed that a status tells.

use std::sync::Arc;

use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::queue::Class,
    engines::{controller::Controller, fanout::Wake},
    process::operator::Operator,
};

use super::Statuses;
use crate::{
    gateways::GatewayBoard,
    metrics::Metrics,
    plan::Planner,
    snapshot::{ItemId, Kind},
};

/// Starts passes.
pub struct Passes {
    routes: Arc<Controller<Statuses<APIRoute>>>,
    backends: Arc<Controller<Statuses<Backend>>>,
    planner: Arc<Planner>,
}

impl Passes {
    /// Those over `routes` and `backends`, planned by `planner`, whose way is on `board`.
    pub fn new(
        operator: &mut Operator,
        routes: &Arc<Cache<Whole<APIRoute>>>,
        backends: &Arc<Cache<Whole<Backend>>>,
        planner: &Arc<Planner>,
        board: &Arc<GatewayBoard>,
        metrics: &Metrics,
    ) -> Self {
        let clock = operator.clock.clone();
        let of_routes = Statuses::new(routes, planner, board, metrics, &clock);
        let of_backends = Statuses::new(backends, planner, board, metrics, &clock);
        Self {
            routes: operator.controller(routes, of_routes),
            backends: operator.controller(backends, of_backends),
            planner: planner.clone(),
        }
    }

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
