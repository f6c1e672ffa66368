use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// The part of AWS that an account is in, as it stands in ARNs: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc` …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Partition(String);

impl Text for Partition {
    const WHAT: &'static str = "AWS partition";
    const LENGTH: RangeInclusive<usize> = 3..=32;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^aws(-[a-z0-9]+)*$')",
        "must be an AWS partition: aws, aws-cn, aws-us-gov …",
        is_partition,
    )];
}
text!(Partition);

/// `aws`, alone or with parts after hyphens.
pub(super) fn is_partition(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let mut parts = text.split('-');
    parts.next() == Some("aws") && parts.all(part)
}
