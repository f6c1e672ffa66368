//! The leader knows what every replica's receivers have.
//!
//! Every replica serves receivers, and the leader alone writes status. So each other replica dials the leader,
//! at the address that the Lease gives, and [reports](Reporter) what is on its own
//! [`Board`](super::Board) and among its own [`Refusals`](super::Refusals); the leader [takes](Replicas) that
//! into its own. Messages: `proto/operator/replicas/v1alpha1/replicas.proto`.
//!
//! A stream begins with nothing and is level-triggered: what it has told so far is compared with what is, and
//! the difference is sent as fast as the leader takes it; what changes back meanwhile is never sent.
//!
//! Identifiers go as text: `Display` writes what `FromStr` reads back.

mod dial;
mod hear;
mod parts;
mod reporter;
mod service;
mod tell;
#[cfg(test)]
mod tests;

pub use self::{
    dial::{Dialling, dial},
    reporter::Reporter,
    service::Replicas,
};

/// The longest message that a leader takes, in bytes.
const LONGEST_MESSAGE: usize = 1 << 20;
/// What a part of a version's contents holds at most, in bytes, but for its last entry.
const LONGEST_PART: usize = 256 << 10;
