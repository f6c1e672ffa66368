//! The engines: the shapes that an operator can have.
