//! The cluster floor: talking to the API server.
//!
//! What is read comes from a [`cache`], kept by one watch a kind; what is written goes through a
//! [`write::Writer`] or [`events::Events`], and every write takes a [`leading::Leading`].

pub mod apply;
pub mod budget;
pub mod cache;
pub mod children;
pub mod conditions;
pub mod config_maps;
pub mod election;
pub mod events;
mod json_patch;
pub mod leading;
pub mod metadata;
pub mod own_time;
mod readable;
pub mod reasons;
mod referenced;
pub mod refusal;
pub mod reviews;
pub mod rules;
pub mod secrets;
pub mod spans;
pub mod status;
mod stored;
pub(crate) mod text;
pub mod turns;
mod version;
pub mod webhook_configuration;
pub mod write;
