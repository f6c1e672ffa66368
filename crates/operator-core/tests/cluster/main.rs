//! The cluster floor, with the controller and the frame over it, against a real API server with faults from
//! a proxy before it.

mod budget;
mod cache;
mod children;
mod config_maps;
mod election;
mod events;
mod frame;
mod gadget;
mod guarded;
mod looks;
mod missing;
mod offspring;
mod places;
mod secrets;
mod stage;
mod writes;
