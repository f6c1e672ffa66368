//! Addresses that a gateway fetches from.

use std::net::Ipv6Addr;

/// Whether this is a URL with the scheme http or https and a host, in the characters of RFC 3986.
pub(super) fn is_http(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str())
        && is_text(user, b"")
        && is_host(host)
        && is_text(path, b"@/?#")
        && path.matches('#').count() <= 1
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').map(|host| host.split_once(']')) {
        Some(None) => return false,
        Some(Some((address, port))) => {
            if address.parse::<Ipv6Addr>().is_err() || !(port.is_empty() || port.starts_with(':')) {
                return false;
            }
            (address, port.strip_prefix(':').unwrap_or(port))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    !name.is_empty()
        && name.bytes().all(in_name)
        && (port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0))
        && !port.starts_with('+')
}

/// Whether there are only characters that may stand there as they are, and whole percent-encodings.
fn is_text(text: &str, besides: &[u8]) -> bool {
    let encoded =
        |rest: &[u8]| rest.len() >= 3 && rest[1].is_ascii_hexdigit() && rest[2].is_ascii_hexdigit();
    let bytes = text.as_bytes();
    (0..bytes.len()).all(|at| match bytes[at] {
        b'%' => encoded(&bytes[at..]),
        byte => {
            byte.is_ascii_alphanumeric()
                || b"-._~!$&'()*+,;=:".contains(&byte)
                || besides.contains(&byte)
        }
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_http;

    #[rstest]
    #[case("http://a")]
    #[case("https://user:word@docs.example.com:8443/v1/spec%20file.yaml?version=1&x=a/b#top")]
    #[case("http://[::1]:80/x")]
    #[case("HTTP://10.0.0.1/")]
    fn these_are(#[case] url: &str) {
        assert!(is_http(url));
    }

    #[rstest]
    #[case("")]
    #[case("docs.example.com/spec")]
    #[case("ftp://a/b")]
    #[case("http://")]
    #[case("http:///spec")]
    #[case("http://:80/")]
    #[case("http://a b/")]
    #[case("http://a/b c")]
    #[case("http://a:port/")]
    #[case("http://a:1:2/")]
    #[case("http://[::1/")]
    #[case("http://[::1]80/")]
    #[case("http://[::1]::80/")]
    #[case("http://a/%zz")]
    #[case("http://a/%2")]
    #[case("http://a/ä")]
    #[case("http://a/\u{0}")]
    fn these_are_not(#[case] url: &str) {
        assert!(!is_http(url));
    }
}
