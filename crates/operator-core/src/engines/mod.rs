//! The engines: the shapes that an operator can have.

pub mod controller;
pub mod external;
pub mod fanout;
pub mod index;
pub mod references;
