//! The cluster floor, and the controller over it, against a real API server with faults from a proxy before it.

mod cache;
mod children;
mod config_maps;
mod election;
mod events;
mod gadget;
mod looks;
mod secrets;
mod stage;
mod writes;
