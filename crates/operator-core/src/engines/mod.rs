//! The engines: the shapes that an operator can have.

pub mod external;
