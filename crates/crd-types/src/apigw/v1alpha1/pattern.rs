use std::ops::RangeInclusive;

use super::re2;
use crate::{
    rules::Rule,
    text::{Text, text},
};

/// A regular expression in the syntax of RE2, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Text for Pattern {
    const WHAT: &'static str = "regular expression";
    const LENGTH: RangeInclusive<usize> = 0..=2048;
    // The API server's RE2 is the gateway's: an expression that it cannot compile fails the rule.
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "''.matches(self) || true",
        "must be a regular expression of RE2, which has neither look-around nor back-references",
        re2::compiles,
    )];
}
text!(Pattern);
