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
    // The API server has the gateway's RE2: an expression that it cannot compile is an error, and so no answer.
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "''.matches(self) in [true, false]",
        "must be a regular expression of RE2, which has neither look-around nor back-references",
        re2::compiles,
    )];
}
text!(Pattern);
