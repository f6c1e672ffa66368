//! The deciding floor: state machines and values with no I/O.

pub mod backoff;
pub mod budget;
pub mod clock;
pub mod key;
pub mod lease;
pub mod outcome;
pub mod queue;
pub mod reason;
pub mod rotation;
