//! What a controller tells, as metrics.

use std::time::Duration;

use super::metrics::{ControllerMetrics, QueueLoad};
use crate::{
    decide::{
        outcome::PassResult,
        queue::{Class, Snapshot},
    },
    engines::controller::{Observer, PANICKED},
};

impl Observer for ControllerMetrics {
    fn added(&self, class: Class) {
        ControllerMetrics::added(self);
        if class == Class::Retry {
            self.retried();
        }
    }

    fn started(&self, waited: Duration) {
        ControllerMetrics::started(self, waited);
    }

    fn left(&self) {
        ControllerMetrics::left(self);
    }

    fn finished(&self, result: &PassResult, took: Duration) {
        match result {
            Err(fault) if fault.reason == PANICKED => self.panicked(took),
            result => ControllerMetrics::finished(self, result, took),
        }
    }
}

/// A queue's snapshot as the gauges show it.
pub(super) fn load(snapshot: &Snapshot) -> QueueLoad {
    QueueLoad {
        depth: snapshot
            .ready
            .iter()
            .map(|(class, count)| (class.into(), *count))
            .collect(),
        unfinished: snapshot.unfinished,
        longest: snapshot
            .longest_running
            .as_ref()
            .map(|held| held.time)
            .unwrap_or_default(),
    }
}
