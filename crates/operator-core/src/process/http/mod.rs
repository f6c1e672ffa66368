//! The servers for probes, metrics and the state of the operator.

mod checks;
mod server;
mod state;

pub use self::{
    checks::{Checks, probes},
    server::{BindError, Listening, bind},
    state::{State, metrics},
};
