//! Replicas that talk to each other over real TLS, on loopback.

mod election;
mod grpc;
mod refused;
mod replica;
mod reports;
mod stage;
mod wire;
