//! Faults of AWS, of the API server and of providers: everything converges, and nobody waits for another's.

mod api_server;
mod aws;
mod providers;
#[path = "../scene/mod.rs"]
mod scene;
