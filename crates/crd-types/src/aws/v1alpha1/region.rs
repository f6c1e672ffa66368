use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    names::is_label,
    rules::Rule,
    text::{Text, text},
};

/// A region: of AWS (`eu-central-1`), or whatever the store behind an endpoint of its own calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Text for Region {
    const WHAT: &'static str = "region";
    const LENGTH: RangeInclusive<usize> = 1..=63;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be a region: lower-case letters, digits and '-', as in eu-central-1",
        is_label,
    )];
}
text!(Region);

/// The form of AWS's own regions: letters in groups, then a number of one or two digits.
pub(super) fn looks_like_aws(region: &str) -> bool {
    let letters =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number =
        |part: &str| matches!(part.len(), 1..=2) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = region.split('-').collect();
    match parts.as_slice() {
        [first, between @ .., last] => {
            matches!(first.len(), 2..=4)
                && letters(first)
                && !between.is_empty()
                && between.iter().all(|part| letters(part))
                && number(last)
        }
        _ => false,
    }
}
