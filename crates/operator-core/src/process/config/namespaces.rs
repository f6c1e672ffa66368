//! Which namespaces an operator looks at.

use std::{collections::BTreeSet, str::FromStr};

/// The namespaces whose objects an operator looks after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// All of them.
    #[default]
    All,
    /// These alone; never empty.
    Only(BTreeSet<String>),
}

/// What a list of namespaces looks like, for somebody who wrote something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a comma-separated list of namespaces, each of at most 63 lower-case letters, digits and '-', \
     with a letter or digit first and last; leave it unset for all namespaces"
)]
pub struct NotNamespaces;

impl FromStr for Namespaces {
    type Err = NotNamespaces;

    fn from_str(text: &str) -> Result<Self, NotNamespaces> {
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let names: BTreeSet<_> = names
            .map(|name| {
                if is_dns_label(name) {
                    Ok(name.to_owned())
                } else {
                    Err(NotNamespaces)
                }
            })
            .collect::<Result<_, _>>()?;
        if names.is_empty() {
            Err(NotNamespaces)
        } else {
            Ok(Self::Only(names))
        }
    }
}

/// Whether `text` is a DNS label (RFC 1123), as a namespace's name must be.
pub(super) fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", &[])]
    #[case("team-a", &["team-a"])]
    #[case("b, a,,a", &["a", "b"])]
    fn lists_are_read(#[case] text: &str, #[case] names: &[&str]) {
        let expected = match names {
            [] => Namespaces::All,
            names => Namespaces::Only(names.iter().map(|name| (*name).to_owned()).collect()),
        };
        assert_eq!(text.parse(), Ok(expected));
    }

    #[rstest]
    #[case("A")]
    #[case("a.b")]
    #[case("-a")]
    #[case("a-")]
    #[case("ok,not ok")]
    #[case(",")]
    #[case("*")]
    #[case("a123456789a123456789a123456789a123456789a123456789a123456789abcd")]
    fn wrong_names_are_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Namespaces>(), Err(NotNamespaces));
    }
}
