//! What is measured.

use std::time::Duration;

use super::aws::Calls;
use crate::{resident::Resident, spread::Times};

/// All of it.
pub struct Figures {
    /// How many buckets there are at the end.
    pub many: usize,
    /// How many there are before.
    pub some: usize,
    /// From the program's start to its being ready, without any object.
    pub starts: Times,
    pub none: Idle,
    pub life: Life,
    /// From the first creation of some until all are ready, and what the operator costs then.
    pub created_some: (Duration, Idle),
    pub edits: Way,
    pub requests: Way,
    pub idle_some: Idle,
    pub hour: Hour,
    pub drift: Drift,
    /// The same for the others of many.
    pub created_many: (Duration, Idle),
    pub idle_many: Idle,
    pub restarts: Vec<Restart>,
}

/// What the operator costs while nothing happens.
pub struct Idle {
    /// At the end.
    pub resident: Resident,
    /// The share of a core.
    pub core: f64,
    /// How long nothing happened.
    pub time: Duration,
}

/// What is asked about one bucket in its life.
pub struct Life {
    pub created: Calls,
    pub edited: Calls,
    pub deleted: Calls,
}

/// The way of what users want to the AWS end.
#[derive(Default)]
pub struct Way {
    /// From the request to the API server.
    pub sent: Times,
    /// From the API server's answer.
    pub stored: Times,
}

/// An hour in which nothing happens, faster.
pub struct Hour {
    pub calls: Calls,
    /// The share of a core.
    pub core: f64,
}

/// From what somebody else does to its being set back, found without being asked for.
#[derive(Default)]
pub struct Drift {
    pub tags: Times,
    pub versioning: Times,
}

/// A start of the operator among buckets that are as they should be.
pub struct Restart {
    pub buckets: usize,
    /// Until the last was looked at.
    pub took: Duration,
    /// Less is not possible with the calls that may go out in a second; `None`: as many as there are.
    pub least: Option<Duration>,
}
