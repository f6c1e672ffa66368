//! The process floor: everything between `main` and the engines.

pub mod certs;
pub mod config;
pub mod http;
pub mod metrics;
mod observer;
pub mod operator;
pub mod stop;
pub mod telemetry;
