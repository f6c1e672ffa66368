//! What happened to a gateway, in order: the last of it for tests, all of it for a log.

use std::collections::VecDeque;
use std::time::Duration;

use operator_core::decide::clock::Moment;
use serde::{Serialize, Serializer};

use crate::tracked::Guard;

/// An event with its time.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// On the clock of the gateway's options.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub at: Moment,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn seconds<S: Serializer>(at: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.since_origin().as_secs_f64())
}

/// What happens to a gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// The data plane listens.
    Listening {
        /// Its address, as a URL.
        url: String,
    },
    /// The operator took the registration.
    Registered {
        /// The session's id.
        session: String,
    },
    /// It could not be reached, or refused.
    RegistrationFailed {
        /// Why.
        error: String,
    },
    /// An update was processed, and is not acknowledged yet.
    Processed(Update),
    /// An acknowledgement was sent and answered.
    Acknowledged {
        /// The update's version.
        version: String,
        /// Whether the gateway took the update.
        success: bool,
    },
    /// An acknowledgement was not sent, or its answer did not come.
    NotAcknowledged {
        /// The update's version.
        version: String,
        /// Why.
        reason: String,
    },
    /// The stream ended; the gateway dials again.
    StreamEnded {
        /// How.
        reason: String,
    },
    /// A heartbeat was not answered.
    HeartbeatFailed {
        /// Why.
        error: String,
    },
    /// The operator did what a real gateway would break on.
    Violation {
        /// What.
        text: String,
    },
    /// The gateway has ended, or is deaf for ever.
    Ended {
        /// How.
        phase: Phase,
    },
}

/// How one update was processed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// `FULL_SYNC`, `ADDED`, ..., as in the protocol without its prefix.
    pub kind: &'static str,
    /// The update's version.
    pub version: String,
    /// The update's sequence.
    pub sequence: i64,
    /// How many resources it carried.
    pub resources: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    #[serde(serialize_with = "milliseconds", rename = "milliseconds")]
    pub took: Duration,
}

fn milliseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64() * 1000.0)
}

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is in force.
    Applied,
    /// It asked for nothing; acknowledged as a success.
    Nothing,
    /// A guard held; acknowledged as a success, nothing applied.
    Swallowed(Guard),
    /// Not taken, for this reason. Part of it may be in force.
    Refused(String),
    /// Dropped by the rule of sequences; not acknowledged at all.
    Dropped,
}

/// Where a gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Not registered yet.
    Starting,
    /// Registered, with a stream that is open or about to be.
    Running,
    /// The stream broke; it dials until it is registered again.
    Reconnecting,
    /// The stream ended with CANCELLED: heartbeats go on, no update is read ever again.
    Deaf,
    /// A heartbeat interval of zero or less: the process of a real gateway has ended.
    Crashed,
    /// The first registration failed too often: the process of a real gateway has ended.
    GaveUp,
}

const KEPT: usize = 1000;

/// The most recent events.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Record>);

impl Events {
    pub(crate) fn push(&mut self, record: Record) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_most_recent_are_kept() {
        let mut events = Events::default();
        for number in 0..KEPT + 2 {
            events.push(Record {
                at: Moment::ORIGIN,
                event: Event::Violation {
                    text: number.to_string(),
                },
            });
        }
        let all = events.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0].event, Event::Violation { text: "2".into() });
    }

    #[test]
    fn a_record_is_one_flat_object() {
        let record = Record {
            at: Moment::at(Duration::from_millis(1500)),
            event: Event::Processed(Update {
                kind: "FULL_SYNC",
                version: "v".into(),
                sequence: 0,
                resources: 2,
                outcome: Outcome::Swallowed(Guard::Empty),
                took: Duration::from_millis(2),
            }),
        };
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            serde_json::json!({
                "seconds": 1.5, "event": "processed", "kind": "FULL_SYNC", "version": "v",
                "sequence": 0, "resources": 2, "outcome": {"swallowed": "Empty"},
                "milliseconds": 2.0,
            })
        );
    }
}
