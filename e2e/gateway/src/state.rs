//! What a test sees of a gateway.

use serde::Serialize;

use crate::event::Phase;

/// What a gateway is and did, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// Where it is in its life.
    pub phase: Phase,
    /// What the gateway itself believes: heartbeats are only sent while true.
    pub connected: bool,
    /// The last session's id.
    pub session: Option<String>,
    /// The version of the last update that was processed without an error.
    pub version: String,
    /// That update's sequence.
    pub sequence: i64,
    /// How many resources are tracked.
    pub tracked: usize,
    /// How many routes are in force.
    pub routes: usize,
    /// How many backends are in force.
    pub backends: usize,
    /// What was counted since the start.
    #[serde(flatten)]
    pub counts: Counts,
    /// The last refusal's text.
    pub last_refusal: Option<String>,
}

/// What a gateway counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Registrations that succeeded.
    pub registrations: u64,
    /// Updates that were read.
    pub updates: u64,
    /// FULL_SYNC updates among them.
    pub full_syncs: u64,
    /// Updates that were applied.
    pub applied: u64,
    /// Updates that were refused.
    pub refused: u64,
    /// Snapshots that a guard ignored although they were acknowledged as a success.
    pub swallowed: u64,
    /// Rebuilds of everything for a content that was in force already, but for the first FULL_SYNC
    /// of a stream, which is always sent.
    pub identical_rebuilds: u64,
    /// Acknowledgements that were sent and answered.
    pub acknowledged: u64,
    /// Heartbeats that were answered.
    pub heartbeats: u64,
    /// Violations, also those beyond the ones that are kept.
    pub violations: u64,
}
