//! The process floor: everything between `main` and the engines.

pub mod build;
pub mod certs;
pub mod config;
mod crowd;
pub mod files;
#[cfg(feature = "replicas")]
pub mod grpc;
pub mod http;
pub mod installation;
pub mod metrics;
mod observer;
pub mod operator;
pub mod program;
mod serving;
mod startable;
pub mod stop;
pub mod telemetry;
mod tls;
pub mod webhook;
