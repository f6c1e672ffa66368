//! What is counted of the upkeep of certificates.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a replica has done for its certificates so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Certificates that it issued and stored: the operator's own, and those of clients. Authorities are none.
    pub issued: u64,
    /// How often another certificate took the place of the one in force.
    pub rotated: u64,
    /// Attempts that failed, by what was attempted: `read`, `issue` or `write`.
    pub errors: [(&'static str, u64); 3],
}

/// What is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Read,
    Issue,
    Write,
}

#[derive(Default)]
pub(super) struct Counters {
    issued: AtomicU64,
    rotated: AtomicU64,
    unread: AtomicU64,
    unissued: AtomicU64,
    unwritten: AtomicU64,
}

impl Counters {
    pub(super) fn issued(&self) {
        self.issued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rotated(&self) {
        self.rotated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, attempt: Attempt) {
        let failures = match attempt {
            Attempt::Read => &self.unread,
            Attempt::Issue => &self.unissued,
            Attempt::Write => &self.unwritten,
        };
        failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            issued: read(&self.issued),
            rotated: read(&self.rotated),
            errors: [
                ("read", read(&self.unread)),
                ("issue", read(&self.unissued)),
                ("write", read(&self.unwritten)),
            ],
        }
    }
}
