use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// An HTTP method in any case, or `*` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method(String);

const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
];

impl Text for Method {
    const WHAT: &'static str = "HTTP method";
    const LENGTH: RangeInclusive<usize> = 1..=7;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^(?i:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS|TRACE|CONNECT|\\*)$')",
        "must be GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS, TRACE, CONNECT or *",
        |text| {
            text == "*"
                || METHODS
                    .iter()
                    .any(|method| method.eq_ignore_ascii_case(text))
        },
    )];
}
text!(Method);
