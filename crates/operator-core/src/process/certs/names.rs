//! The names that a certificate is issued for.

use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr};

use rcgen::SanType;
use rustls::pki_types::DnsName;

/// A name that a certificate speaks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A DNS name in lower case; its first label may be `*`.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// A text that is no name for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither an IP address nor a DNS name (labels of letters, digits and '-', the first may be '*')"
)]
pub struct NotAName(String);

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        match DnsName::try_from(text.strip_prefix("*.").unwrap_or(text)) {
            // No peer asks for a name with the dot of the root at its end.
            Ok(_) if !text.ends_with('.') => Ok(Self::Dns(text.to_ascii_lowercase())),
            _ => Err(NotAName(text.to_owned())),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// The names of one certificate: at least one, the first is the main one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    first: Name,
    all: BTreeSet<Name>,
}

impl Names {
    /// `first` and `others`; a name given twice counts once.
    pub fn new(first: Name, others: impl IntoIterator<Item = Name>) -> Self {
        let all = others.into_iter().chain([first.clone()]).collect();
        Self { first, all }
    }

    /// What peers in the cluster call the Service `service` in `namespace`, from the short form to the full
    /// one.
    ///
    /// # Errors
    /// [`NotAName`] unless the two make up DNS names.
    pub fn of_service(service: &str, namespace: &str) -> Result<Self, NotAName> {
        let forms = [
            service.to_owned(),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ];
        let [first, others @ ..] = forms;
        let others = others.iter().map(|name| name.parse());
        Ok(Self::new(
            first.parse()?,
            others.collect::<Result<Vec<_>, _>>()?,
        ))
    }

    /// The main name.
    pub fn first(&self) -> &Name {
        &self.first
    }

    /// All names.
    pub fn all(&self) -> &BTreeSet<Name> {
        &self.all
    }

    pub(super) fn subject_alternatives(&self) -> Result<Vec<SanType>, rcgen::Error> {
        let alternative = |name: &Name| {
            Ok(match name {
                Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
                Name::Ip(address) => SanType::IpAddress(*address),
            })
        };
        self.all.iter().map(alternative).collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Operator.example", "operator.example")]
    #[case("*.example", "*.example")]
    #[case("10.0.0.1", "10.0.0.1")]
    #[case("::1", "::1")]
    fn names(#[case] text: &str, #[case] name: &str) {
        assert_eq!(text.parse::<Name>().unwrap().to_string(), name);
    }

    #[rstest]
    fn no_names(#[values("", "a b", "https://a", "a..b", "*", "a.*.b", "a:443", "a.")] text: &str
    ) {
        let refused = text.parse::<Name>().unwrap_err();
        assert!(refused.to_string().contains(&format!("{text:?}")));
    }

    #[test]
    fn a_service_has_four_forms() {
        let names = Names::of_service("operator", "system").unwrap();
        let all = Vec::from_iter(names.all().iter().map(Name::to_string));
        let expected = [
            "operator",
            "operator.system",
            "operator.system.svc",
            "operator.system.svc.cluster.local",
        ];
        assert_eq!(all, expected);
        assert_eq!(names.first().to_string(), "operator");
        Names::of_service("operator", "no namespace").unwrap_err();
    }
}
