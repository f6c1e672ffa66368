//! The process floor: everything between `main` and the engines.

pub mod certs;
pub mod config;
mod crowd;
#[cfg(feature = "replicas")]
pub mod grpc;
pub mod http;
pub mod installation;
pub mod metrics;
mod observer;
pub mod operator;
mod serving;
pub mod stop;
pub mod telemetry;
mod tls;
pub mod webhook;
