//! The kind `AWSProvider`: credentials from a spec and its Secrets, kept in use for all who refer to it.

mod access;
pub mod reasons;
mod reconcile;
mod sessions;
mod status;
mod users;

pub use self::{
    reconcile::{ExternalIds, Providers, is_held},
    sessions::{SessionState, Sessions, provider_of},
    users::{BucketsOfProviders, Users},
};
