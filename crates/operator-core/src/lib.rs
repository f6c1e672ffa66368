//! How an operator runs. Knows no domain.
//!
//! Four floors; a module imports only from its own floor and those above it in this list
//! (checked by the test `floors`):
//!
//! - [`decide`]: what to do next. No I/O, explored exhaustively in tests.
//! - [`cluster`]: talking to the API server.
//! - [`engines`]: the shapes of an operator.
//! - [`process`]: configuration, telemetry, probes, graceful stop.

pub mod cluster;
pub mod decide;
pub mod engines;
pub mod process;
