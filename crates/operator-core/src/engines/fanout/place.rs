//! Which replica something was learned from.

use std::sync::Arc;

/// Which replica something was learned from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// This one.
    Here,
    /// Another, by its name in the election.
    Replica(Arc<str>),
}
