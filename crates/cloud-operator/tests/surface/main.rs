//! The program from outside: settings, probes, metrics, state, logs, and its end.

mod observed;
#[path = "../scene/mod.rs"]
mod scene;
mod settings;
mod started;
