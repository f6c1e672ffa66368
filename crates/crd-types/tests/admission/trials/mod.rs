//! What is tried with every rule.

mod apigw;
mod aws;

use serde_json::Value;

/// A rule, known by its message, and what it makes of two values. An object is merged into the value that the
/// rule is about (`null` removes a field); anything else takes its place.
pub struct Trial {
    pub message: &'static str,
    pub accepted: Value,
    pub refused: Value,
}

impl Trial {
    fn new(message: &'static str, accepted: Value, refused: Value) -> Self {
        Self {
            message,
            accepted,
            refused,
        }
    }
}

/// A trial for every rule about a value.
pub fn trials() -> Vec<Trial> {
    aws::trials().into_iter().chain(apigw::trials()).collect()
}
