//! Metrics that are read from their owners at each scrape.

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::controller::{Controller, Queue, QueueLoad};

type Load = Box<dyn Fn() -> QueueLoad + Send + Sync>;
/// Reads a gauge off a load.
type Seconds = fn(&QueueLoad) -> f64;
type Count = Box<dyn Fn() -> u64 + Send + Sync>;
type Time = Box<dyn Fn() -> Duration + Send + Sync>;
type Flag = Box<dyn Fn() -> bool + Send + Sync>;
type Election = Box<dyn Fn() -> (bool, u64) + Send + Sync>;

/// The owners to ask. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<Owners>>);

#[derive(Default)]
struct Owners {
    queues: Vec<(&'static str, Load)>,
    watches: Vec<(&'static str, Count, Flag)>,
    events: Vec<Count>,
    api_write_waits: Vec<Time>,
    unclaimed: Vec<(&'static str, Count)>,
    elections: Vec<(&'static str, Election)>,
    settings_refused: Option<Flag>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lease {
    name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Depth {
    name: &'static str,
    controller: &'static str,
    priority: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watch {
    kind: &'static str,
}

impl Live {
    pub(super) fn add_queue(
        &self,
        controller: &'static str,
        load: impl Fn() -> QueueLoad + Send + Sync + 'static,
    ) {
        self.0.lock().queues.push((controller, Box::new(load)));
    }

    pub(super) fn add_watch(
        &self,
        kind: &'static str,
        errors: impl Fn() -> u64 + Send + Sync + 'static,
        missing: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let watch = (kind, Box::new(errors) as Count, Box::new(missing) as Flag);
        self.0.lock().watches.push(watch);
    }

    pub(super) fn add_election(
        &self,
        lease: &'static str,
        state: impl Fn() -> (bool, u64) + Send + Sync + 'static,
    ) {
        self.0.lock().elections.push((lease, Box::new(state)));
    }

    pub(super) fn add_events_dropped(&self, dropped: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.lock().events.push(Box::new(dropped));
    }

    pub(super) fn add_unclaimed(
        &self,
        kind: &'static str,
        count: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.0.lock().unclaimed.push((kind, Box::new(count)));
    }

    pub(super) fn set_settings_refused(&self, are: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.lock().settings_refused = Some(Box::new(are));
    }

    pub(super) fn add_api_write_wait(&self, waited: impl Fn() -> Duration + Send + Sync + 'static) {
        self.0.lock().api_write_waits.push(Box::new(waited));
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let owners = self.0.lock();
        queues(&owners.queues, &mut encoder)?;
        elections(&owners.elections, &mut encoder)?;

        let help = "Errors of the watch of a kind, after which it started anew";
        let counter = MetricType::Counter;
        let mut family = encoder.encode_descriptor("operator_watch_errors", help, None, counter)?;
        for (kind, errors, _) in &owners.watches {
            let labels = Watch { kind };
            ConstCounter::new(errors()).encode(family.encode_family(&labels)?)?;
        }

        let name = "operator_watch_missing";
        let help = "Whether the API server does not serve a kind: its definition is not installed";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (kind, _, missing) in &owners.watches {
            let labels = Watch { kind };
            ConstGauge::new(i64::from(missing())).encode(family.encode_family(&labels)?)?;
        }

        let help = "Events that were not written: too many, or no leader";
        let counter = MetricType::Counter;
        let family = encoder.encode_descriptor("operator_events_dropped", help, None, counter)?;
        let dropped: u64 = owners.events.iter().map(|dropped| dropped()).sum();
        ConstCounter::new(dropped).encode(family)?;

        if !owners.unclaimed.is_empty() {
            let name = "operator_unclaimed_resources";
            let help = "Outside resources with this installation's mark that no object names";
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (kind, count) in &owners.unclaimed {
                let count = i64::try_from(count()).unwrap_or(i64::MAX);
                ConstGauge::new(count).encode(family.encode_family(&Watch { kind })?)?;
            }
        }

        let name = "operator_settings_refused";
        let help = "Whether the mounted ConfigMap holds a change that is refused, so that older settings hold";
        let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        let refused = owners.settings_refused.as_ref().is_some_and(|are| are());
        ConstGauge::new(i64::from(refused)).encode(family)?;

        let name = "operator_api_write_wait_seconds";
        let help = "Time that writes to the API server have waited for the write budget";
        let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        let waited: Duration = owners.api_write_waits.iter().map(|waited| waited()).sum();
        ConstCounter::new(waited.as_secs_f64()).encode(family)
    }
}

fn queues(queues: &[(&'static str, Load)], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let loads: Vec<_> = queues.iter().map(|(name, load)| (*name, load())).collect();

    let name = "controller_runtime_max_concurrent_reconciles";
    let help = "Maximum number of concurrent reconciles per controller";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (controller, load) in &loads {
        let places = i64::try_from(load.places).unwrap_or(i64::MAX);
        ConstGauge::new(places).encode(family.encode_family(&Controller { controller })?)?;
    }

    let help = "Current depth of workqueue by workqueue and priority";
    let mut family = encoder.encode_descriptor("workqueue_depth", help, None, MetricType::Gauge)?;
    for (name, load) in &loads {
        for (priority, depth) in &load.depth {
            let labels = Depth {
                name,
                controller: name,
                priority,
            };
            let depth = i64::try_from(*depth).unwrap_or(i64::MAX);
            ConstGauge::new(depth).encode(family.encode_family(&labels)?)?;
        }
    }

    let seconds: [(&str, &str, Seconds); 2] = [
        (
            "workqueue_unfinished_work_seconds",
            "How many seconds of work has been done that is in progress and hasn't been observed by \
             work_duration. Large values indicate stuck threads",
            |load| load.unfinished.as_secs_f64(),
        ),
        (
            "workqueue_longest_running_processor_seconds",
            "How many seconds has the longest running processor for workqueue been running",
            |load| load.longest.as_secs_f64(),
        ),
    ];
    for (family, help, seconds) in seconds {
        let mut family = encoder.encode_descriptor(family, help, None, MetricType::Gauge)?;
        for (name, load) in &loads {
            let labels = Queue::of(name);
            ConstGauge::new(seconds(load)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn elections(
    elections: &[(&'static str, Election)],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let states = elections
        .iter()
        .map(|(name, state)| (Lease { name }, state()));
    let states: Vec<_> = states.collect();

    let name = "leader_election_master_status";
    let help = "Whether the reporting system is master of the relevant lease: 0 indicates backup, 1 \
                indicates master. 'name' identifies the lease";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (lease, (leads, _)) in &states {
        ConstGauge::new(i64::from(*leads)).encode(family.encode_family(lease)?)?;
    }

    let name = "leader_election_slowpath";
    let help = "Total number of slow paths exercised in renewing leader leases. 'name' identifies the \
                lease";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (lease, (_, slow_paths)) in &states {
        ConstCounter::new(*slow_paths).encode(family.encode_family(lease)?)?;
    }
    Ok(())
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
