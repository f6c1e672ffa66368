//! What a real API server admits and refuses, and that the Rust twin of every rule agrees with it.

#[path = "../tree/mod.rs"]
mod tree;

mod bounds;
mod expressions;
mod kept;
mod manifests;
mod objects;
mod rules;
mod server;
mod trials;
mod twins;
mod upgrades;
mod views;
