//! Scenarios of more than one program.

pub mod admission;
pub mod basic;
pub mod gateways;
