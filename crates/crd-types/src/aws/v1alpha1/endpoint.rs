use std::ops::RangeInclusive;

use crate::{
    rules::Rule,
    text::{Text, text},
};

/// Base URL of a service that speaks AWS's API: `https://host[:port][/path]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(String);

impl Text for Endpoint {
    const WHAT: &'static str = "endpoint";
    const LENGTH: RangeInclusive<usize> = 8..=512;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        r"self.matches('^https?://([a-zA-Z0-9._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?(/[a-zA-Z0-9._~/-]*)?$')",
        "must be http(s)://host[:port][/path], with neither user, query nor fragment",
        |text| split(text).is_some(),
    )];
}
text!(Endpoint);

impl Endpoint {
    /// Whether requests to it travel unencrypted.
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }

    /// Scheme, host and port in one form, so that two ways to write one server are equal:
    /// `https://STORE.example/` and `https://store.example:443` are both `https://store.example:443`.
    pub fn origin(&self) -> String {
        let (scheme, authority, _) =
            split(&self.0).expect("an Endpoint is only made of what has these parts");
        let authority = authority.to_ascii_lowercase();
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.contains(']'));
        match (has_port, scheme) {
            (true, _) => format!("{scheme}://{authority}"),
            (false, "http") => format!("{scheme}://{authority}:80"),
            (false, _) => format!("{scheme}://{authority}:443"),
        }
    }
}

impl Endpoint {
    /// The [`origin`](Self::origin) with the path, in one form, too: what tells one store from another.
    pub fn place(&self) -> String {
        let path = split(&self.0).map_or("", |(_, _, path)| path);
        format!("{}{}", self.origin(), path.trim_end_matches('/'))
    }
}

/// Scheme, authority and path.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_is_valid = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(v6) => {
            !v6.is_empty()
                && v6
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
        }
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
    };
    let port_is_valid = port.is_none_or(|port| {
        matches!(port.len(), 1..=5) && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let path_is_valid = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._~/-".contains(&byte));
    (matches!(scheme, "http" | "https") && host_is_valid && port_is_valid && path_is_valid)
        .then_some((scheme, authority, path))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://Store.Example/", "https://store.example:443")]
    #[case("https://store.example:443", "https://store.example:443")]
    #[case("http://127.0.0.1/base", "http://127.0.0.1:80")]
    #[case("http://[::1]", "http://[::1]:80")]
    #[case("http://[::1]:5000/", "http://[::1]:5000")]
    fn the_origin_has_one_form(#[case] endpoint: Endpoint, #[case] origin: &str) {
        assert_eq!(endpoint.origin(), origin);
        assert_eq!(endpoint.is_plain_http(), origin.starts_with("http:"));
    }

    #[rstest]
    #[case("https://Store.Example/", "https://store.example:443")]
    #[case("https://store.example/Tenant/", "https://store.example:443/Tenant")]
    fn the_place_has_one_form_with_its_path(#[case] endpoint: Endpoint, #[case] place: &str) {
        assert_eq!(endpoint.place(), place);
    }

    #[rstest]
    #[case("store.example")]
    #[case("ftp://store.example")]
    #[case("https://")]
    #[case("https:///path")]
    #[case("https://user:word@store.example")]
    #[case("https://store.example?query")]
    #[case("https://store.example/#fragment")]
    #[case("https://store.example:port")]
    #[case("https://[::1")]
    #[case("https://store example")]
    fn what_is_no_base_url_is_refused(#[case] text: &str) {
        assert!(text.parse::<Endpoint>().is_err(), "{text}");
    }
}
