//! What becomes of a Pod on this node.

mod atomic;
mod backoff;
mod container;
mod downward;
mod environment;
mod expansion;
mod folders;
mod life;
mod probe;
mod report;
mod reserved;
mod sources;
mod state;
mod status;
pub mod supported;
mod tokens;
mod volumes;

pub(crate) use life::{Life, Surroundings};
