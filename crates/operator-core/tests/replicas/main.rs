//! Replicas that talk to each other over real TLS, on loopback.

mod grpc;
mod stage;
