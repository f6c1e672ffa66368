//! What an operator shows of its work.

mod metrics;
mod page;
#[path = "../stage/mod.rs"]
mod stage;
mod state;
