//! Where a server listens, as Go writes it.

use std::{fmt, net::IpAddr, str::FromStr};

/// `host:port`, or `:port` for every address of this machine. Port 0 takes any free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: Option<String>,
    port: u16,
}

/// The value of a bind-address setting: an address, or `0` for no server at all (as in controller-runtime).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// No server.
    Off,
    /// A server at this address.
    At(ListenAddress),
}

/// What a bind address looks like, for somebody who wrote something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(":port, host:port, [ipv6]:port, or 0 for no server")]
pub struct NotAnAddress;

impl ListenAddress {
    /// Every address of this machine.
    pub const fn every(port: u16) -> Self {
        Self { host: None, port }
    }

    /// The port; 0 for any free one.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether no two servers can listen at both.
    pub(in crate::process) fn clashes(&self, other: &Self) -> bool {
        let overlap = self.covers(other) || other.covers(self) || self.host == other.host;
        self.port != 0 && self.port == other.port && overlap
    }

    /// Whether this is every address of the machine, or of the sort that the other one is of. A name may be of either.
    fn covers(&self, other: &Self) -> bool {
        let (host, theirs) = (self.host.as_deref(), other.host.as_deref());
        match (host.map(literal), theirs.and_then(literal)) {
            (None, _) => true,
            (Some(Some(IpAddr::V4(host))), Some(IpAddr::V6(other))) => {
                host.is_unspecified() && other.is_unspecified()
            }
            (Some(Some(host)), _) => host.is_unspecified(),
            (Some(None), _) => false,
        }
    }

    /// What to bind, best first. Without a host that is IPv6 and IPv4 in one socket, or IPv4 alone on a
    /// machine without IPv6.
    pub(in crate::process) fn candidates(&self) -> Vec<String> {
        match &self.host {
            Some(host) => vec![format!("{host}:{}", self.port)],
            None => vec![
                format!("[::]:{}", self.port),
                format!("0.0.0.0:{}", self.port),
            ],
        }
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok()
}

impl Listen {
    /// What the setting `<prefix>_BIND_ADDRESS` and its alias `<prefix>_PORT`, the port alone, say together;
    /// every address with the port `default` where neither says anything.
    ///
    /// # Errors
    /// Where they contradict each other.
    pub fn settled(
        prefix: &str,
        address: Option<Self>,
        port: Option<u16>,
        default: u16,
    ) -> Result<Option<ListenAddress>, String> {
        match (address, port) {
            (Some(address), Some(port)) if address.port() != port => Err(format!(
                "{prefix}_BIND_ADDRESS is {address} but {prefix}_PORT is {port}: set one of them, or both to the same port"
            )),
            (Some(address), _) => Ok(address.address()),
            (None, Some(port)) => Ok(Self::from_port(port).address()),
            (None, None) => Ok(Some(ListenAddress::every(default))),
        }
    }

    /// The value of an alias that gives the port alone.
    pub(super) const fn from_port(port: u16) -> Self {
        match port {
            0 => Self::Off,
            port => Self::At(ListenAddress::every(port)),
        }
    }

    /// The port; 0 if there is no server.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Off => 0,
            Self::At(address) => address.port,
        }
    }

    /// The address, if there is to be a server.
    pub fn address(self) -> Option<ListenAddress> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAnAddress)?;
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAddress);
        }
        let port = port.parse().map_err(|_| NotAnAddress)?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        if bracketed
            && host[1..host.len() - 1]
                .parse::<std::net::Ipv6Addr>()
                .is_err()
        {
            return Err(NotAnAddress);
        }
        let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !bracketed && !host.bytes().all(name) {
            return Err(NotAnAddress);
        }
        Ok(Self {
            host: (!host.is_empty()).then(|| host.to_owned()),
            port,
        })
    }
}

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if text == "0" {
            Ok(Self::Off)
        } else {
            text.parse().map(Self::At)
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}",
            self.host.as_deref().unwrap_or_default(),
            self.port
        )
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("0"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(":8080", &["[::]:8080", "0.0.0.0:8080"])]
    #[case("127.0.0.1:0", &["127.0.0.1:0"])]
    #[case("[::1]:8081", &["[::1]:8081"])]
    #[case("localhost:65535", &["localhost:65535"])]
    fn goes_forms_are_read(#[case] text: &str, #[case] candidates: &[&str]) {
        let address: ListenAddress = text.parse().unwrap();
        assert_eq!(address.candidates(), candidates);
        assert_eq!(address.to_string(), text);
    }

    #[rstest]
    fn anything_else_is_refused(
        #[values(
            "",
            "8080",
            ":",
            ":65536",
            ":+1",
            "::1:80",
            "[::1]",
            "[x]:80",
            "a b:80",
            "http://x:80"
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<Listen>(), Err(NotAnAddress));
    }

    #[test]
    fn zero_means_no_server() {
        assert_eq!("0".parse::<Listen>().unwrap().address(), None);
        assert_eq!(Listen::from_port(0), Listen::Off);
        assert_eq!(Listen::from_port(9), ":9".parse().unwrap());
    }
}
