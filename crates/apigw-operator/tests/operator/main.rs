//! The operator against a real API server and strict gateways.

mod conflicts;
mod crash;
mod guards;
mod large;
mod legacy;
mod life;
mod many;
mod observed;
mod outage;
mod references;
mod refusal;
mod replicas;
mod rights;
mod some_kinds;
mod stage;
mod steady;
mod tls;
mod unanswered;
