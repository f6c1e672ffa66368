//! Names within Kubernetes.

use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// Name of most objects (RFC 1123 subdomain).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl Text for ObjectName {
    const WHAT: &'static str = "object name";
    const LENGTH: RangeInclusive<usize> = 1..=253;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        "must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
        |text| text.split('.').all(is_label),
    )];
}
text!(ObjectName);

/// Name of a namespace (RFC 1123 label).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceName(String);

impl Text for NamespaceName {
    const WHAT: &'static str = "namespace";
    const LENGTH: RangeInclusive<usize> = 1..=63;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be the name of a namespace: lower-case letters, digits and '-', beginning and ending with a letter or digit",
        is_label,
    )];
}
text!(NamespaceName);

/// A key within a Secret or ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataKey(String);

impl Text for DataKey {
    const WHAT: &'static str = "key of a Secret";
    const LENGTH: RangeInclusive<usize> = 1..=253;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self.matches('^[-._a-zA-Z0-9]+$')",
        "must be a key of a Secret: letters, digits, '-', '_' and '.'",
        |text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
                && !text.is_empty()
        },
    )];
}
text!(DataKey);

/// One label of a DNS name in lower case, whatever its length.
pub(crate) fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            plain(first) && plain(last) && bytes.iter().all(|&byte| plain(byte) || byte == b'-')
        }
        _ => false,
    }
}
