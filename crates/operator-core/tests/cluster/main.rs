//! The cluster floor against a real API server, with faults from a proxy before it.

mod cache;
mod election;
mod events;
mod gadget;
mod secrets;
mod stage;
mod writes;
