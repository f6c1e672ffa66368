//! The engines: the shapes that an operator can have.

pub mod controller;
pub mod external;
pub mod fanout;
pub mod index;
#[cfg(feature = "replicas")]
pub mod peer;
pub mod references;
