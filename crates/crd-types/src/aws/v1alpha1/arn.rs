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
    const LENGTH: RangeInclusive<usize> = 13..=2048;
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
pub(super) fn parts(text: &str) -> Option<[&str; 5]> {
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
    const LENGTH: RangeInclusive<usize> = 32..=2048;
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

impl RoleArn {
    /// The partition: `aws`, `aws-cn` …
    pub fn partition(&self) -> &str {
        let parts = parts(&self.0).expect("a RoleArn is only made of what has these parts");
        parts[0]
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_arn_has_parts() {
        let arn: Arn = "arn:aws-us-gov:sts::123456789012:assumed-role/role/session:1"
            .parse()
            .unwrap();
        assert_eq!(
            (arn.partition(), arn.account(), arn.resource()),
            ("aws-us-gov", "123456789012", "assumed-role/role/session:1")
        );
        let bucket: Arn = "arn:aws:s3:::bucket".parse().unwrap();
        assert_eq!((bucket.account(), bucket.resource()), ("", "bucket"));
    }

    #[rstest]
    #[case("arn:aws:s3::bucket")]
    #[case("arn:azure:s3:::bucket")]
    #[case("arn:aws-:s3:::bucket")]
    #[case("arn:aws::::bucket")]
    #[case("arn:aws:s3:::")]
    #[case("arn:aws:s3:::a bucket")]
    #[case("urn:aws:s3:::bucket")]
    fn what_lacks_a_part_is_no_arn(#[case] text: &str) {
        assert!(text.parse::<Arn>().is_err(), "{text}");
    }

    #[rstest]
    #[case("arn:aws:iam::123456789012:user/name")]
    #[case("arn:aws:iam::12345678901:role/name")]
    #[case("arn:aws:iam:eu-west-1:123456789012:role/name")]
    #[case("arn:aws:sts::123456789012:role/name")]
    #[case("arn:aws:iam::123456789012:role/")]
    fn not_every_arn_is_a_role(#[case] text: &str) {
        assert!(
            "arn:aws-cn:iam::123456789012:role/path/name"
                .parse::<RoleArn>()
                .is_ok()
        );
        assert!(text.parse::<RoleArn>().is_err(), "{text}");
    }
}
