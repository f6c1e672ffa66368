//! What a test or the demo stands on: a real control plane, real peers, and faults on demand.

#[cfg(not(target_os = "linux"))]
compile_error!("the harness needs Linux: only its kernel ends a child with its parent");

pub mod aws;
pub mod moto;
pub mod port;
pub mod process;
pub mod proxy;
pub mod scratch;
pub mod wait;
