//! What a controller tells, as metrics.

use std::time::Duration;

use super::metrics::{ControllerMetrics, QueueLoad, Written};
use crate::{
    cluster::write::WriteError,
    decide::{
        outcome::{Fault, PassResult},
        queue::{Class, Snapshot},
    },
    engines::controller::{Observer, reasons::PANICKED},
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

    fn status_written(&self, written: Result<(), &WriteError>, took: Duration) {
        let how = match written {
            Ok(()) => Written::Success,
            // The object is younger, or gone, or another replica's by now: nothing is wrong.
            Err(WriteError::Conflict | WriteError::Gone | WriteError::NotLeading(_)) => {
                Written::Superseded
            }
            Err(_) => Written::Error,
        };
        ControllerMetrics::status_written(self, how, took);
    }

    fn met(&self, fault: &Fault) {
        ControllerMetrics::met(self, fault);
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
        places: snapshot.places,
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
