//! The operator against a real API server and strict gateways.

mod conflicts;
mod crash;
mod guards;
mod life;
mod many;
mod observed;
mod outage;
mod references;
mod refusal;
mod replicas;
mod stage;
mod steady;
mod tls;
