use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// Name of a general-purpose bucket
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

/// Beginnings that AWS keeps for itself.
const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
/// Ends that AWS keeps for itself.
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

impl Text for BucketName {
    const WHAT: &'static str = "bucket name";
    const LENGTH: RangeInclusive<usize> = 3..=63;
    const RULES: &'static [Rule<str>] = &[
        Rule::new(
            "self.matches('^[a-z0-9][a-z0-9.-]*[a-z0-9]$')",
            "may hold only lower-case letters, digits, '.' and '-', and must begin and end with a letter or digit",
            |text| {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                let bytes = text.as_bytes();
                matches!(bytes, [first, .., last] if plain(*first) && plain(*last))
                    && bytes
                        .iter()
                        .all(|&byte| plain(byte) || byte == b'.' || byte == b'-')
            },
        ),
        Rule::new(
            "!self.contains('..')",
            "must not hold two dots in a row",
            |text| !text.contains(".."),
        ),
        Rule::new(
            r"!self.matches('^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$')",
            "must not look like an IP address",
            |text| {
                let number =
                    |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                text.split('.').count() != 4 || !text.split('.').all(number)
            },
        ),
        Rule::new(
            "!self.startsWith('xn--') && !self.startsWith('sthree-') && !self.startsWith('amzn-s3-demo-')",
            "must not begin with what AWS reserves: xn--, sthree-, amzn-s3-demo-",
            |text| {
                !RESERVED_PREFIXES
                    .iter()
                    .any(|prefix| text.starts_with(prefix))
            },
        ),
        Rule::new(
            "!self.endsWith('-s3alias') && !self.endsWith('--ol-s3') && !self.endsWith('.mrap') && !self.endsWith('--x-s3') && !self.endsWith('--table-s3')",
            "must not end with what AWS reserves: -s3alias, --ol-s3, .mrap, --x-s3, --table-s3",
            |text| {
                !RESERVED_SUFFIXES
                    .iter()
                    .any(|suffix| text.ends_with(suffix))
            },
        ),
    ];
}
text!(BucketName);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("abc")]
    #[case("a.b-c.9")]
    #[case("1.2.3")]
    #[case("1.2.3.4.5")]
    #[case("1.2.3.4x")]
    #[case("xn-bucket")]
    fn good_names(#[case] name: &str) {
        assert_eq!(
            name.parse::<BucketName>().map(|name| name.to_string()),
            Ok(name.to_owned())
        );
    }

    #[rstest]
    #[case("ab", "3 to 63")]
    #[case("Bucket", "lower-case")]
    #[case("my_bucket", "lower-case")]
    #[case("-bucket", "begin and end")]
    #[case("bucket.", "begin and end")]
    #[case("my..bucket", "two dots")]
    #[case("192.168.5.4", "IP address")]
    #[case("xn--bucket", "reserves: xn--")]
    #[case("sthree-bucket", "reserves: xn--")]
    #[case("amzn-s3-demo-bucket", "reserves: xn--")]
    #[case("bucket-s3alias", "reserves: -s3alias")]
    #[case("bucket--ol-s3", "reserves: -s3alias")]
    #[case("bucket.mrap", "reserves: -s3alias")]
    #[case("bucket--x-s3", "reserves: -s3alias")]
    #[case("bucket--table-s3", "reserves: -s3alias")]
    fn bad_names(#[case] name: &str, #[case] why: &str) {
        let refused = name.parse::<BucketName>().unwrap_err();
        assert!(refused.why.contains(why), "{refused}");
    }

    #[test]
    fn length_has_both_ends() {
        assert!("b".repeat(63).parse::<BucketName>().is_ok());
        assert!("b".repeat(64).parse::<BucketName>().is_err());
    }
}
