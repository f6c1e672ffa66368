//! The AWS side alone, against moto and what the harness adds to it: no Kubernetes.

mod bucket;
mod chain;
mod faults;
mod fence;
mod network;
mod ownership;
mod pace;
mod session;
mod stage;
