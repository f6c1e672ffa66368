//! Single Pods.

pub mod container;
pub mod deletion;
pub mod logs;
pub mod probes;
pub mod refused;
pub mod restarts;
pub mod tokens;
pub mod volumes;
