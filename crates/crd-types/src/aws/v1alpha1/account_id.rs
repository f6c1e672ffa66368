use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// Number of an AWS account: twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl Text for AccountId {
    const WHAT: &'static str = "AWS account ID";
    const LENGTH: RangeInclusive<usize> = 12..=12;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[0-9]{12}$')",
        "must be the twelve digits of an AWS account",
        is_account,
    )];
}
text!(AccountId);

/// The twelve digits of an account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
