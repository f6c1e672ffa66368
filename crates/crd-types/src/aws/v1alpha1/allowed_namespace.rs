use std::ops::RangeInclusive;

use crate::{
    names::is_label,
    rules::Rule,
    text::{Text, text},
};

/// A namespace, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNamespace(String);

impl Text for AllowedNamespace {
    const WHAT: &'static str = "namespace or *";
    const LENGTH: RangeInclusive<usize> = 1..=63;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self == '*' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be the name of a namespace, or '*' for all",
        |text| text == "*" || is_label(text),
    )];
}
text!(AllowedNamespace);
