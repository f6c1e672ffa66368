use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{account_id::is_account, partition::is_partition};
use crate::{
    rules::Rule,
    text::{Text, text},
};

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn(String);

impl Text for Arn {
    const WHAT: &'static str = "ARN";
    const LENGTH: RangeInclusive<usize> = 11..=2048;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^arn:aws(-[a-z0-9]+)*:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9-]*:[!-~]+$')",
        "must be an ARN: arn:partition:service:region:account:resource",
        |text| parts(text).is_some(),
    )];
}
text!(Arn);

impl Arn {
    /// The partition: `aws`, `aws-cn` …
    pub fn partition(&self) -> &str {
        self.part(0)
    }

    /// The account; empty where the resource has none in its name (a bucket).
    pub fn account(&self) -> &str {
        self.part(3)
    }

    /// What follows the account.
    pub fn resource(&self) -> &str {
        self.part(4)
    }

    fn part(&self, index: usize) -> &str {
        parts(&self.0).expect("an Arn is only made of what has these parts")[index]
    }
}

/// Partition, service, region, account and resource.
fn parts(text: &str) -> Option<[&str; 5]> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let mut rest = text.strip_prefix("arn:")?.splitn(5, ':');
    let parts = [
        rest.next()?,
        rest.next()?,
        rest.next()?,
        rest.next()?,
        rest.next()?,
    ];
    let [partition, service, region, account, resource] = parts;
    let valid = is_partition(partition)
        && !service.is_empty()
        && [service, region, account]
            .iter()
            .all(|part| part.bytes().all(plain))
        && !resource.is_empty()
        && resource.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then_some(parts)
}

/// The ARN of an IAM role: `arn:aws:iam::123456789012:role/path/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn(String);

impl Text for RoleArn {
    const WHAT: &'static str = "role ARN";
    const LENGTH: RangeInclusive<usize> = 20..=2048;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^arn:aws(-[a-z0-9]+)*:iam::[0-9]{12}:role/[!-~]+$')",
        "must be the ARN of an IAM role, as in arn:aws:iam::123456789012:role/name",
        |text| match parts(text) {
            Some([_, "iam", "", account, resource]) => {
                is_account(account)
                    && resource
                        .strip_prefix("role/")
                        .is_some_and(|name| !name.is_empty())
            }
            _ => false,
        },
    )];
}
text!(RoleArn);
