//! What the operator counts of its gateways.

use std::sync::Arc;

use apigw_protocol::ConfigurationUpdate;
use operator_core::{decide::clock::Moment, engines::fanout::Contents, process};
use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use crate::{
    plan::{Plan, What},
    snapshot::ItemId,
};

/// Upper bounds of the time from an edit to its acknowledgement, in seconds.
const PROPAGATION: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 5.0, 30.0, 120.0,
];

/// What the operator counts of its gateways. A clone is the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    pushes: Counter,
    push_errors: Counter,
    reaped: Counter,
    propagation: Histogram,
}

impl Families {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "avapigw_operator_config_push",
            "Updates of the configuration that were sent to gateways",
            self.pushes.clone(),
        );
        registry.register(
            "avapigw_operator_config_push_errors",
            "Updates of the configuration that gateways refused",
            self.push_errors.clone(),
        );
        registry.register(
            "avapigw_operator_grpc_reaped_gateways",
            "Gateways that were silent for so long that they count as gone",
            self.reaped.clone(),
        );
        registry.register(
            "avapigw_operator_config_propagation_seconds",
            "Time from an edit to its acknowledgement by a gateway, for each gateway",
            self.propagation.clone(),
        );
    }
}

impl Metrics {
    /// Adds the families to those of the operator.
    pub fn register(metrics: &process::metrics::Metrics) -> Self {
        let families = Families {
            pushes: Counter::default(),
            push_errors: Counter::default(),
            reaped: Counter::default(),
            propagation: Histogram::new(PROPAGATION),
        };
        metrics.register(|registry| families.register(registry));
        Self(Arc::new(families))
    }

    pub(crate) fn pushed(&self, _: &ConfigurationUpdate) {
        self.0.pushes.inc();
    }

    pub(crate) fn refused(&self) {
        self.0.push_errors.inc();
    }

    pub(crate) fn reaped(&self) {
        self.0.reaped.inc();
    }

    /// A gateway that had `before` has `after` now.
    pub(crate) fn reached(
        &self,
        plan: &Plan,
        before: Option<&Contents<ItemId>>,
        after: &Contents<ItemId>,
        now: Moment,
    ) {
        // What it had when it joined it did not get now.
        let Some(before) = before else { return };
        for id in before.changes(after) {
            if let Some(verdict) = plan.verdict(id)
                && let What::Sent(wanted) = verdict.what
                && after.get(id) == Some(wanted)
            {
                let took = now.since(verdict.since).as_secs_f64();
                self.0.propagation.observe(took);
            }
        }
    }
}
