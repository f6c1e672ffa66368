use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// A KMS key as S3 takes it: key ID, key ARN, alias (`alias/name`) or alias ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KmsKeyId(String);

impl Text for KmsKeyId {
    const WHAT: &'static str = "KMS key";
    const LENGTH: RangeInclusive<usize> = 1..=2048;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-zA-Z0-9:/_-]+$')",
        "must be the ID, the ARN or the alias (alias/name) of a KMS key",
        |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte))
        },
    )];
}
text!(KmsKeyId);
