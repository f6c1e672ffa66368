use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// A bucket policy: a JSON object in the policy language of IAM. Whether it is JSON is seen when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument(String);

impl Text for PolicyDocument {
    const WHAT: &'static str = "policy";
    // AWS allows 20 KB.
    const LENGTH: RangeInclusive<usize> = 2..=20480;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.trim().startsWith('{') && self.trim().endsWith('}')",
        "must be a JSON object: {\"Version\": \"2012-10-17\", \"Statement\": […]}",
        |text| text.trim().starts_with('{') && text.trim().ends_with('}'),
    )];
}
text!(PolicyDocument);
