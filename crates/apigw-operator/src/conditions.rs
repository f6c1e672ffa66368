//! The conditions that a route or a backend has beside those of every kind.

/// Whether it is fit to be sent to gateways.
pub const ACCEPTED: &str = "Accepted";
/// Whether gateways have it.
pub const PROGRAMMED: &str = "Programmed";
/// Whether a route's destinations are known. A warning: gateways dial whatever it says.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
