//! Metrics: controller-runtime's families by their own names, the process's, and ours.
//!
//! Names, labels and buckets are those of controller-runtime (`pkg/internal/controller/metrics`,
//! `pkg/metrics/workqueue.go`) and client-go (`leader_election_*`), so that existing dashboards work.

mod controller;
mod exposition;
mod live;
mod process;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{encoding::text, metrics::info::Info, registry::Registry};

use self::{controller::ControllerFamilies, live::Live, process::Process};
pub use self::{
    controller::{ControllerMetrics, QueueLoad, Written},
    exposition::Exposition,
};
use super::build::Build;

/// The metrics of a process. A clone is the same metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    controllers: ControllerFamilies,
    live: Live,
}

impl Metrics {
    /// The metrics of an operator, with those of its process and `operator_build_info`.
    pub fn new(operator: &'static str, build: Build) -> Self {
        let mut registry = Registry::default();
        registry.register(
            "operator_build",
            "The operator that runs here, the commit that it was built from, and that commit's time",
            Info::new([
                ("operator", operator),
                ("version", build.version),
                ("commit", build.commit),
                ("build_time", build.time),
            ]),
        );
        let controllers = ControllerFamilies::register(&mut registry);
        let live = Live::default();
        registry.register_collector(Box::new(live.clone()));
        registry.register_collector(Box::new(Process));
        Self {
            registry: Arc::new(Mutex::new(registry)),
            controllers,
            live,
        }
    }

    /// Adds families of an operator's own.
    pub fn register(&self, families: impl FnOnce(&mut Registry)) {
        families(&mut self.registry.lock());
    }

    /// The metrics of the controller of a kind, named by the kind in lower case. `load` tells at each
    /// scrape how its queue stands; it must not block.
    pub fn controller(
        &self,
        name: &'static str,
        load: impl Fn() -> QueueLoad + Send + Sync + 'static,
    ) -> ControllerMetrics {
        self.live.add_queue(name, load);
        ControllerMetrics::new(name, &self.controllers)
    }

    /// The metrics of the election for the Lease of this name. `state` tells at each scrape whether this
    /// replica leads, and how often a renewal had to read the Lease first.
    pub fn election(
        &self,
        lease: &'static str,
        state: impl Fn() -> (bool, u64) + Send + Sync + 'static,
    ) {
        self.live.add_election(lease, state);
    }

    /// Shows how the watch of a kind fares, named in lower case: `errors` tells at each scrape how many there have
    /// been, `missing` whether the API server does not serve the kind.
    pub fn watch(
        &self,
        kind: &'static str,
        errors: impl Fn() -> u64 + Send + Sync + 'static,
        missing: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.live.add_watch(kind, errors, missing);
    }

    /// Counts events that were not written: `dropped` tells at each scrape how many there have been.
    pub fn events_dropped(&self, dropped: impl Fn() -> u64 + Send + Sync + 'static) {
        self.live.add_events_dropped(dropped);
    }

    /// Shows how many outside resources of a kind, named in lower case, carry our mark and have no object: `count`
    /// tells at each scrape how many are known.
    pub fn unclaimed(&self, kind: &'static str, count: impl Fn() -> u64 + Send + Sync + 'static) {
        self.live.add_unclaimed(kind, count);
    }

    /// Shows whether a change of the mounted ConfigMap is refused: `are` tells at each scrape.
    pub fn settings_refused(&self, are: impl Fn() -> bool + Send + Sync + 'static) {
        self.live.set_settings_refused(are);
    }

    /// Counts how long writes have waited for the write budget: `waited` tells at each scrape how long it was
    /// so far, all together.
    pub fn api_write_wait(&self, waited: impl Fn() -> Duration + Send + Sync + 'static) {
        self.live.add_api_write_wait(waited);
    }

    /// What a scrape gets that sent this `Accept` header: OpenMetrics if it prefers that, else the
    /// Prometheus text format 0.0.4.
    pub fn expose(&self, accept: Option<&str>) -> Exposition {
        let mut text = String::new();
        let written = text::encode(&mut text, &self.registry.lock());
        // Only a metric that fails to write itself could fail here, and ours do not; what was written
        // before is still worth serving.
        if written.is_err() {
            tracing::warn!("a metric could not be written: the list is cut short");
        }
        Exposition::negotiated(accept, text)
    }
}
