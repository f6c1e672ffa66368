//! The kind `AWSProvider`: credentials from a spec and its Secrets, kept in use for all who refer to it.

mod sessions;

pub use self::sessions::{SessionState, Sessions, provider_of};
