//! What an operator shows of its work.

mod metrics;
mod page;
mod secure;
mod state;
