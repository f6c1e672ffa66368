//! What a controller counts as it works.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::decide::outcome::{Class, Fault, Outcome, PassResult};

/// How a controller's queue stands right now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueLoad {
    /// How many passes may run at once.
    pub places: usize,
    /// Waiting objects by class; a class's name is the label `priority`.
    pub depth: Vec<(&'static str, usize)>,
    /// The running times of all passes that have not ended, together.
    pub unfinished: Duration,
    /// The running time of the oldest pass that has not ended.
    pub longest: Duration,
}

/// The label of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Controller {
    pub(super) controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    controller: &'static str,
    result: &'static str,
}

/// The labels of a work queue, which is named as its controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Queue {
    name: &'static str,
    controller: &'static str,
}

impl Queue {
    pub(super) const fn of(controller: &'static str) -> Self {
        Self {
            name: controller,
            controller,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Faulty {
    controller: &'static str,
    class: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Wrote {
    controller: &'static str,
    result: &'static str,
}

/// How a write of a status ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Success,
    /// The object is not any more what the write was about.
    Superseded,
    /// It was refused, or not answered.
    Error,
}

type Times = Family<Queue, Histogram, fn() -> Histogram>;

/// The families that all controllers share.
#[derive(Clone)]
pub(super) struct ControllerFamilies {
    reconciles: Family<Ended, Counter>,
    errors: Family<Controller, Counter>,
    terminal_errors: Family<Controller, Counter>,
    panics: Family<Controller, Counter>,
    time: Family<Controller, Histogram, fn() -> Histogram>,
    active: Family<Controller, Gauge>,
    adds: Family<Queue, Counter>,
    retries: Family<Queue, Counter>,
    queued: Times,
    worked: Times,
    faults: Family<Faulty, Counter>,
    written: Family<Wrote, Counter>,
    writing: Family<Controller, Histogram, fn() -> Histogram>,
}

/// From `pkg/internal/controller/metrics` of controller-runtime, in seconds.
const RECONCILE_BUCKETS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];

fn reconcile_time() -> Histogram {
    Histogram::new(RECONCILE_BUCKETS)
}

/// From 1 ms to 8 s.
fn write_time() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

/// From `pkg/metrics/workqueue.go` of controller-runtime: 10 ns to 1000 s.
fn queue_time() -> Histogram {
    Histogram::new(exponential_buckets(1e-8, 10.0, 12))
}

impl ControllerFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            reconciles: Family::default(),
            errors: Family::default(),
            terminal_errors: Family::default(),
            panics: Family::default(),
            time: Family::new_with_constructor(reconcile_time),
            active: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            queued: Family::new_with_constructor(queue_time),
            worked: Family::new_with_constructor(queue_time),
            faults: Family::default(),
            written: Family::default(),
            writing: Family::new_with_constructor(write_time),
        };
        let all = families.clone();
        registry.register(
            "controller_runtime_reconcile",
            "Total number of reconciliations per controller",
            all.reconciles,
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Total number of reconciliation errors per controller",
            all.errors,
        );
        registry.register(
            "controller_runtime_terminal_reconcile_errors",
            "Total number of terminal reconciliation errors per controller",
            all.terminal_errors,
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Total number of reconciliation panics per controller",
            all.panics,
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller",
            all.time,
        );
        registry.register(
            "controller_runtime_active_workers",
            "Number of currently used workers per controller",
            all.active,
        );
        registry.register(
            "workqueue_adds",
            "Total number of adds handled by workqueue",
            all.adds,
        );
        registry.register(
            "workqueue_retries",
            "Total number of retries handled by workqueue",
            all.retries,
        );
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested",
            all.queued,
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long in seconds processing an item from workqueue takes",
            all.worked,
        );
        registry.register(
            "operator_faults",
            "Faults that passes met, by who can mend them and the other side's code",
            all.faults,
        );
        registry.register(
            "operator_status_updates",
            "Writes of statuses that were not as they should be",
            all.written,
        );
        registry.register(
            "operator_status_update_duration_seconds",
            "How long writing a status took, the wait for the write budget included",
            all.writing,
        );
        families
    }
}

/// What one controller counts.
#[derive(Clone)]
pub struct ControllerMetrics {
    name: &'static str,
    succeeded: Counter,
    failed: Counter,
    again: Counter,
    polling: Counter,
    errors: Counter,
    terminal_errors: Counter,
    panics: Counter,
    time: Histogram,
    active: Gauge,
    adds: Counter,
    retries: Counter,
    queued: Histogram,
    worked: Histogram,
    faults: Family<Faulty, Counter>,
    written: [Counter; 3],
    writing: Histogram,
}

impl ControllerMetrics {
    /// Creates every series, so that each is there from the start with its zero.
    pub(super) fn new(name: &'static str, all: &ControllerFamilies) -> Self {
        let controller = Controller { controller: name };
        let queue = Queue::of(name);
        let ended = |result| {
            all.reconciles.get_or_create_owned(&Ended {
                controller: name,
                result,
            })
        };
        let wrote = |result| {
            all.written.get_or_create_owned(&Wrote {
                controller: name,
                result,
            })
        };
        Self {
            name,
            succeeded: ended("success"),
            failed: ended("error"),
            again: ended("requeue"),
            polling: ended("requeue_after"),
            errors: all.errors.get_or_create_owned(&controller),
            terminal_errors: all.terminal_errors.get_or_create_owned(&controller),
            panics: all.panics.get_or_create_owned(&controller),
            time: all.time.get_or_create_owned(&controller),
            active: all.active.get_or_create_owned(&controller),
            adds: all.adds.get_or_create_owned(&queue),
            retries: all.retries.get_or_create_owned(&queue),
            queued: all.queued.get_or_create_owned(&queue),
            worked: all.worked.get_or_create_owned(&queue),
            faults: all.faults.clone(),
            written: ["success", "superseded", "error"].map(wrote),
            writing: all.writing.get_or_create_owned(&controller),
        }
    }

    /// An object was put into the queue.
    pub fn added(&self) {
        self.adds.inc();
    }

    /// An object was put into the queue again because its pass failed.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// A pass begins over an object that had waited so long.
    pub fn started(&self, waited: Duration) {
        self.queued.observe(waited.as_secs_f64());
        self.active.inc();
    }

    /// A write of a status ended like this after so long.
    pub fn status_written(&self, how: Written, took: Duration) {
        self.written[how as usize].inc();
        self.writing.observe(took.as_secs_f64());
    }

    /// A pass that began has ended, or was stopped.
    pub fn left(&self) {
        self.active.dec();
    }

    /// A pass ended after so long.
    pub fn finished(&self, result: &PassResult, took: Duration) {
        self.ended(took);
        match result {
            Ok(
                Outcome::Done { .. } | Outcome::Held { .. } | Outcome::Paused | Outcome::Released,
            ) => {
                self.succeeded.inc();
            }
            Ok(Outcome::Superseded) => {
                self.again.inc();
            }
            Ok(Outcome::Running { .. } | Outcome::Waiting { .. } | Outcome::Undecided { .. }) => {
                self.polling.inc();
            }
            Err(fault) => {
                self.failed.inc();
                self.errors.inc();
                if fault.class == Class::Terminal {
                    self.terminal_errors.inc();
                }
                self.met(fault);
            }
        }
    }

    /// A pass met a fault, however it ended.
    pub fn met(&self, fault: &Fault) {
        let code = fault.code.clone().into_owned();
        let labels = Faulty {
            controller: self.name,
            class: fault.class.into(),
            code,
        };
        self.faults.get_or_create(&labels).inc();
    }

    /// A pass panicked after so long. As in controller-runtime it counts as failed, too.
    pub fn panicked(&self, took: Duration) {
        self.ended(took);
        self.panics.inc();
        self.failed.inc();
        self.errors.inc();
    }

    fn ended(&self, took: Duration) {
        self.time.observe(took.as_secs_f64());
        self.worked.observe(took.as_secs_f64());
    }
}
