//! What happened to an object, told to whoever runs `kubectl describe`: bounded, and never in a pass's way.
//!
//! Source of the limits: `k8s.io/kubernetes/pkg/apis/core/validation/events.go` and client-go's
//! `EventCorrelator`.

mod limits;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::ObjectReference, rbac::v1::PolicyRule};
use kube::Client;
use serde::Serialize;
use tokio::sync::mpsc;

pub use self::writer::EventWriter;
use super::{leading::Leading, rules::rule as rule_of};
use crate::decide::{
    clock::Clock,
    reason::{Reason, Shown},
};

/// How many events may wait to be written.
const QUEUE: usize = 1024;

/// The right to write events, in the namespaces of the objects that they are about.
pub fn rule() -> PolicyRule {
    rule_of("events.k8s.io", &["events"], &["create", "patch"])
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Somebody might want to look.
    Warning,
}

impl Severity {
    /// That of the event by which a reason is told that is given so; none where no event tells it.
    pub fn of(shown: Shown) -> Option<Self> {
        match shown {
            Shown::InForce | Shown::AtWork | Shown::Held | Shown::Event => Some(Self::Normal),
            Shown::Refused | Shown::Failing | Shown::Warning => Some(Self::Warning),
            Shown::Paused | Shown::Own(..) => None,
        }
    }
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Whether it is as it should be.
    pub severity: Severity,
    /// What happened, at most 128 bytes: `Created`.
    pub reason: Reason,
    /// What was being done, in CamelCase and at most 128 bytes: `Create`.
    pub action: &'static str,
    /// The story, for the user; cut at 1024 bytes. Never holds a secret.
    pub note: String,
}

/// Who reports.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// The operator's name.
    pub controller: String,
    /// The Pod's or machine's name.
    pub instance: String,
}

/// Takes events. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    clock: Clock,
    queue: mpsc::Sender<Queued>,
    counters: Arc<Counters>,
}

struct Queued {
    leading: Leading,
    regarding: ObjectReference,
    happening: Happening,
    wall: Timestamp,
}

#[derive(Default)]
struct Counters {
    written: AtomicU64,
    merged: AtomicU64,
    limited: AtomicU64,
    queue_full: AtomicU64,
    not_leading: AtomicU64,
    failed: AtomicU64,
}

/// What became of all events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventCounts {
    /// Created, or written as part of a series.
    pub written: u64,
    /// Counted in a series that was written a moment before.
    pub merged: u64,
    /// Dropped: the object caused too many.
    pub limited: u64,
    /// Dropped: too many were waiting.
    pub queue_full: u64,
    /// Dropped: the right to write had ended.
    pub not_leading: u64,
    /// Dropped: the API server did not take it.
    pub failed: u64,
}

impl EventCounts {
    /// Those that nobody will ever see.
    pub fn dropped(&self) -> u64 {
        self.limited + self.queue_full + self.not_leading + self.failed
    }
}

impl Events {
    /// Where to put events, and what writes them.
    pub fn new(client: Client, clock: Clock, reporter: Reporter) -> (Self, EventWriter) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let writer = EventWriter::new(client, clock.clone(), reporter, receiver, counters.clone());
        (
            Self {
                clock,
                queue: sender,
                counters,
            },
            writer,
        )
    }

    /// Takes an event to be written soon; drops and counts it where that cannot be. Never blocks.
    ///
    /// # Panics
    /// In debug builds, where users are not told that an event of this severity gives the reason.
    pub fn publish(&self, leading: &Leading, regarding: ObjectReference, happening: Happening) {
        let Happening {
            reason, severity, ..
        } = happening;
        debug_assert!(
            reason.is_told(|it| Severity::of(it) == Some(severity)),
            "an event gives the reason {reason} as {severity:?}, of which its row does not tell"
        );
        let queued = Queued {
            leading: leading.clone(),
            regarding,
            happening,
            wall: self.clock.wall(),
        };
        if self.queue.try_send(queued).is_err() {
            self.counters.queue_full.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of all events so far.
    pub fn counts(&self) -> EventCounts {
        let Counters {
            written,
            merged,
            limited,
            queue_full,
            not_leading,
            failed,
        } = &*self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EventCounts {
            written: read(written),
            merged: read(merged),
            limited: read(limited),
            queue_full: read(queue_full),
            not_leading: read(not_leading),
            failed: read(failed),
        }
    }
}
