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

/// What the names of a partition's regions begin with; all others are of `aws`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>, "partition").
const PARTITIONS: &[(&str, &str)] = &[
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// The same in CEL, of a spec's `region`.
macro_rules! partition_of_region {
    () => {
        "(self.region.startsWith('cn-') ? 'aws-cn' : \
         self.region.startsWith('us-gov-') ? 'aws-us-gov' : \
         self.region.startsWith('us-iso-') ? 'aws-iso' : \
         self.region.startsWith('us-isob-') ? 'aws-iso-b' : \
         self.region.startsWith('eu-isoe-') ? 'aws-iso-e' : \
         self.region.startsWith('us-isof-') ? 'aws-iso-f' : \
         self.region.startsWith('eusc-') ? 'aws-eusc' : 'aws')"
    };
}
pub(super) use partition_of_region;

/// The partition that a region of AWS is in.
pub(super) fn partition_of(region: &str) -> &'static str {
    PARTITIONS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_aws_are_known_by_their_form() {
        for region in [
            "us-east-1",
            "us-gov-west-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "ap-southeast-12",
        ] {
            assert!(looks_like_aws(region), "{region}");
        }
        for region in [
            "us-east",
            "us-east-1a",
            "us-1",
            "useast1",
            "europe-west-1",
            "us--1",
            "us-east-123",
            "",
        ] {
            assert!(!looks_like_aws(region), "{region}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
        }
        for (prefix, partition) in PARTITIONS {
            let clause = format!("self.region.startsWith('{prefix}') ? '{partition}'");
            assert!(partition_of_region!().contains(&clause), "{clause}");
        }
    }

    #[test]
    fn a_store_may_call_its_region_otherwise() {
        assert!("garage".parse::<Region>().is_ok());
        assert!("EU-WEST-1".parse::<Region>().is_err());
        assert!("eu_west_1".parse::<Region>().is_err());
    }
}
