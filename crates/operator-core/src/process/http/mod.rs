//! The servers for probes, metrics and the state of the operator.

mod access;
mod checks;
mod remembered;
mod server;
mod state;

pub use self::{
    access::{Gatekeeper, reader},
    checks::{Checks, probes},
    server::{BindError, Listening, bind},
    state::{State, metrics},
};
