//! Leader election over one `coordination.k8s.io/v1` Lease, as a state machine.
//!
//! The driver asks for the [`next`](Elector::next) action, does it, and tells what was
//! [`answered`](Elector::answered); one request at a time. Clocks of different machines are never compared:
//!
//! - **The holder** leads until `renew deadline` after it *sent* its last successful request, by its own
//!   monotonic clock ([`leading_until`](Elector::leading_until)). After that it may not start a write.
//! - **A candidate** takes the lease when nobody holds it, or once it has not changed for the holder's whole
//!   lease duration, counted on the candidate's monotonic clock from when it *saw* the last change.
//!
//! A change is seen after it was sent and the lease is longer than the deadline, so the holder has stopped by
//! the time a candidate starts; every write carries the `resourceVersion` that the decision was made on, so
//! the lease cannot have changed in between. Tests walk through every interleaving of two electors.

mod record;
mod timings;

#[cfg(test)]
mod explored;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

pub use self::{
    record::Record,
    timings::{InvalidTimings, Timings},
};
use super::clock::Moment;

/// What the driver does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Get the Lease.
    Read,
    /// Create the Lease; it must not exist.
    Create(Record),
    /// Write the record over the Lease that has this `resourceVersion`.
    Update(Record, String),
    /// Nothing before this moment.
    WaitUntil(Moment),
    /// Nothing any more: the elector has [resigned](Elector::resign) and the lease is not its own.
    End,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A read found this record at this `resourceVersion`.
    Found(Record, String),
    /// A read found no Lease.
    Absent,
    /// A create or update was stored, as this record at this `resourceVersion`.
    Written(Record, String),
    /// Anything else: a conflict, an error, no answer in time. The request may or may not have had, or may
    /// still have, its effect.
    Failed,
}

/// The last that is known of the Lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Seen {
    Nothing,
    Absent,
    Lease(Record, String),
}

/// One participant of an election. See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Elector {
    identity: String,
    timings: Timings,
    seen: Seen,
    /// Whether `seen` is the last answer and a write may build on it.
    current: bool,
    /// Until when another holder's claim lasts.
    claimed_until: Moment,
    next_try: Moment,
    leading_until: Option<Moment>,
    resigned: bool,
}

impl Elector {
    /// A candidate. `identity` must be this process's own: two that share it would both lead.
    pub fn new(identity: impl Into<String>, timings: Timings) -> Self {
        Self {
            identity: identity.into(),
            timings,
            seen: Seen::Nothing,
            current: false,
            claimed_until: Moment::ORIGIN,
            next_try: Moment::ORIGIN,
            leading_until: None,
            resigned: false,
        }
    }

    /// The moment after which this process may not start a write; `None` if it does not lead.
    pub fn leading_until(&self) -> Option<Moment> {
        self.leading_until
    }

    /// Who held the lease when it was last seen, be it this process; `None` if nobody did.
    pub fn holder(&self) -> Option<&str> {
        match &self.seen {
            Seen::Lease(record, _) if !record.holder.is_empty() => Some(&record.holder),
            _ => None,
        }
    }

    /// What to do now. `wall` is only written into the Lease for others to read.
    pub fn next(&mut self, now: Moment, wall: Timestamp) -> Action {
        if self.leading_until.is_some_and(|until| now >= until) {
            self.leading_until = None;
            self.current = false;
        }
        if self.resigned && !self.owns_lease() {
            return Action::End;
        }
        if now < self.next_try {
            return Action::WaitUntil(
                self.next_try
                    .min(self.leading_until.unwrap_or(Moment::NEVER)),
            );
        }
        if !self.current {
            return Action::Read;
        }
        match &self.seen {
            Seen::Nothing => Action::Read,
            Seen::Absent => Action::Create(self.claim(None, wall)),
            Seen::Lease(record, version) if self.resigned => {
                Action::Update(release(record, wall), version.clone())
            }
            Seen::Lease(record, version) => {
                Action::Update(self.claim(Some(record), wall), version.clone())
            }
        }
    }

    /// Tells what became of the last action, which was started at `started`. `jitter`, drawn anew from
    /// `[0, 1)` each time, keeps candidates apart.
    pub fn answered(&mut self, answer: Answer, started: Moment, now: Moment, jitter: f64) {
        let candidate_retry = now + self.timings.candidate_retry(jitter);
        let holder_retry = started + self.timings.retry();
        match answer {
            Answer::Found(record, version) => {
                self.see(record, version, now);
                if self.owns_lease() || now >= self.claimed_until {
                    self.current = true;
                    self.next_try = now;
                } else {
                    self.current = false;
                    self.next_try = candidate_retry;
                }
            }
            Answer::Absent => {
                self.seen = Seen::Absent;
                self.current = now >= self.claimed_until;
                self.next_try = if self.current { now } else { candidate_retry };
            }
            Answer::Written(record, version) => {
                self.see(record, version, now);
                self.current = self.owns_lease();
                self.next_try = match (self.current, self.resigned) {
                    (_, true) => now,
                    (true, false) => holder_retry,
                    (false, false) => candidate_retry,
                };
                if self.current && !self.resigned {
                    self.leading_until = Some(started + self.timings.renew_deadline());
                }
            }
            Answer::Failed => {
                self.current = false;
                self.next_try = if self.leading_until.is_some() || self.owns_lease() {
                    holder_retry
                } else {
                    candidate_retry
                };
            }
        }
    }

    /// Gives the lease back: this process leads no more, and what is left to do frees the lease for the
    /// next one to take at once. Call it when no write is under way any more.
    pub fn resign(&mut self) {
        self.resigned = true;
        self.leading_until = None;
        self.next_try = Moment::ORIGIN;
    }

    fn owns_lease(&self) -> bool {
        matches!(&self.seen, Seen::Lease(record, _) if record.holder == self.identity)
    }

    /// Any write counts as a sign of life, even one that left the record as it was.
    fn see(&mut self, record: Record, version: String, now: Moment) {
        let unchanged = matches!(&self.seen, Seen::Lease(_, before) if *before == version);
        if record.holder.is_empty() || record.holder == self.identity {
            self.claimed_until = now;
        } else {
            self.leading_until = None;
            if !unchanged {
                self.claimed_until = now + record.duration.unwrap_or(self.timings.lease());
            }
        }
        self.seen = Seen::Lease(record, version);
    }

    fn claim(&self, before: Option<&Record>, wall: Timestamp) -> Record {
        let kept = before.filter(|record| record.holder == self.identity);
        Record {
            holder: self.identity.clone(),
            duration: Some(self.timings.lease()),
            acquired: kept.and_then(|record| record.acquired).or(Some(wall)),
            renewed: Some(wall),
            transitions: match before {
                Some(record) if kept.is_none() => record.transitions.saturating_add(1),
                Some(record) => record.transitions,
                None => 0,
            },
        }
    }
}

/// The record that frees the lease. A candidate of another make that does not know that an empty holder is
/// none waits for a second.
fn release(record: &Record, wall: Timestamp) -> Record {
    Record {
        holder: String::new(),
        duration: Some(Duration::from_secs(1)),
        acquired: Some(wall),
        renewed: Some(wall),
        transitions: record.transitions,
    }
}
