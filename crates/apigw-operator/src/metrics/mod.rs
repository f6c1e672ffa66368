//! The families of this operator's own; `docs/metrics.md` tells what each of them means.

mod calls;
mod live;

use std::sync::Arc;

use operator_core::{
    decide::clock::{Clock, Moment},
    engines::fanout::Contents,
    process::{self, build::build},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::Registry,
};
use tonic::service::Routes;

use self::calls::Calls;
pub use self::live::Live;
use crate::{
    plan::{Plan, What},
    snapshot::{ItemId, Kind},
};

/// What every name begins with.
const PREFIX: &str = "avapigw_operator";
/// Upper bounds of the time from an edit to its acknowledgement, in seconds.
const PROPAGATION: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 5.0, 30.0, 120.0,
];

/// What the operator counts as it works. A clone is the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    pushes: Counter,
    push_errors: Counter,
    reaped: Counter,
    propagation: Histogram,
    applied: Family<Applied, Counter>,
    finalizers: Family<Finalizer, Counter>,
    calls: Calls,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Applied {
    r#type: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Finalizer {
    controller: &'static str,
    operation: &'static str,
}

/// What a gateway got by taking an update.
pub(crate) struct Gained<'a> {
    /// What it had before, if anybody knows.
    pub before: Option<&'a Contents<ItemId>>,
    /// What it has now.
    pub after: &'a Contents<ItemId>,
    /// Since when its stream is open.
    pub since: Moment,
}

impl Families {
    fn register(&self, registry: &mut Registry) {
        let build = build!();
        registry.register(
            "build",
            "The version of the operator that runs here, the commit that it was built from, and that commit's time",
            Info::new([
                ("version", build.version),
                ("commit", build.commit),
                ("build_time", build.time),
            ]),
        );
        registry.register(
            "config_push",
            "Updates of the configuration that were sent to gateways",
            self.pushes.clone(),
        );
        registry.register(
            "config_push_errors",
            "Updates of the configuration that gateways refused",
            self.push_errors.clone(),
        );
        registry.register(
            "config_propagation_seconds",
            "Time from the moment that an edit is heard of until a gateway has it in force, for each gateway",
            self.propagation.clone(),
        );
        registry.register(
            "grpc_config_applied",
            "Routes and backends that gateways took into force or out of it, for each gateway",
            self.applied.clone(),
        );
        registry.register(
            "grpc_reaped_gateways",
            "Gateways that were silent for so long that they count as gone",
            self.reaped.clone(),
        );
        registry.register(
            "finalizer_operations",
            "Finalizers of earlier operators that were taken off objects being deleted",
            self.finalizers.clone(),
        );
        self.calls.register(registry);
    }
}

impl Metrics {
    /// Adds the families to those of the operator.
    pub fn register(metrics: &process::metrics::Metrics, clock: Clock) -> Self {
        let families = Families {
            pushes: Counter::default(),
            push_errors: Counter::default(),
            reaped: Counter::default(),
            propagation: Histogram::new(PROPAGATION),
            applied: Family::default(),
            finalizers: Family::default(),
            calls: Calls::new(clock),
        };
        for kind in [Kind::ApiRoute, Kind::Backend] {
            drop(families.finalizers.get_or_create(&removal(kind)));
            for operation in ["added", "updated", "deleted"] {
                let labels = Applied {
                    r#type: kind.into(),
                    operation,
                };
                drop(families.applied.get_or_create(&labels));
            }
        }
        metrics.register(|registry| families.register(registry.sub_registry_with_prefix(PREFIX)));
        Self(Arc::new(families))
    }

    /// These routes, with their calls counted.
    pub fn counted(&self, routes: Routes) -> Routes {
        self.0.calls.around(routes)
    }

    pub(crate) fn pushed(&self) {
        self.0.pushes.inc();
    }

    pub(crate) fn refused(&self) {
        self.0.push_errors.inc();
    }

    pub(crate) fn reaped(&self) {
        self.0.reaped.inc();
    }

    /// An earlier operator's finalizer was taken off an object of this kind.
    pub(crate) fn finalizer_removed(&self, kind: Kind) {
        self.0.finalizers.get_or_create(&removal(kind)).inc();
    }

    /// A gateway took an update into force.
    pub(crate) fn gained(&self, plan: &Plan, gained: &Gained<'_>, now: Moment) {
        let Gained {
            before,
            after,
            since,
        } = gained;
        let nothing = Contents::new([]);
        for id in before.unwrap_or(&nothing).changes(after) {
            // What was wished before the gateway came did not take that long to reach it.
            if let Some(verdict) = plan.verdict(id)
                && let What::Sent(wanted) = verdict.what
                && after.get(id) == Some(wanted)
                && verdict.decided >= *since
            {
                let took = now.since(verdict.decided);
                self.0.propagation.observe(took.as_secs_f64());
            }
            if let Some(before) = before {
                let operation = match (before.get(id), after.get(id)) {
                    (None, _) => "added",
                    (Some(_), Some(_)) => "updated",
                    (Some(_), None) => "deleted",
                };
                let labels = Applied {
                    r#type: id.kind.into(),
                    operation,
                };
                self.0.applied.get_or_create(&labels).inc();
            }
        }
    }
}

fn removal(kind: Kind) -> Finalizer {
    Finalizer {
        controller: kind.into(),
        operation: "remove",
    }
}
