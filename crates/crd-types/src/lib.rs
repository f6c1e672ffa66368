//! What a user may write: the custom resources of every operator.
//!
//! One module a group and version, one file a kind. Schema, defaults, CEL rules, printer columns, builders
//! and documentation; no client, no runtime, no async.

pub mod lifecycle;
