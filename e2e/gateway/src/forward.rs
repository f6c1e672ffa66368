//! How a route changes what passes: the target, the headers, and the answers it gives by itself.
//! Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::matching::Matched;
use crate::spec::route::{DirectResponse, HeaderOperation, Redirect, Rewrite};

/// What the backend is asked for. Of a path matched by prefix only that part is replaced.
pub(crate) fn target(asked: &PathAndQuery, rewrite: Option<&Rewrite>, by: Matched) -> String {
    let path = match rewrite.map(|rewrite| rewrite.uri.as_str()) {
        None | Some("") => asked.path().to_owned(),
        Some(uri) => match by {
            Matched::Whole => uri.to_owned(),
            Matched::Prefix(segments) => {
                let rest = asked.path().split('/').skip(1 + segments);
                let rest: Vec<&str> = rest.collect();
                match (uri.trim_end_matches('/'), rest.join("/")) {
                    ("", rest) => format!("/{rest}"),
                    (uri, rest) if rest.is_empty() => uri.to_owned(),
                    (uri, rest) => format!("{uri}/{rest}"),
                }
            }
        },
    };
    match asked.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Sets, adds and removes headers. Names and values that no header can have are left out.
pub(crate) fn change(headers: &mut HeaderMap, operation: &HeaderOperation) {
    for (name, value) in valid(&operation.set) {
        headers.insert(name, value);
    }
    for (name, value) in valid(&operation.add) {
        headers.append(name, value);
    }
    for name in &operation.remove {
        headers.remove(name);
    }
}

fn valid(
    given: &BTreeMap<String, String>,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<'_> {
    let parsed =
        |(name, value): (&String, &String)| Some((name.parse().ok()?, value.parse().ok()?));
    given.iter().filter_map(parsed)
}

/// The answer of a route with a redirect, to a request for `asked` of `host`.
pub(crate) fn redirect(it: &Redirect, asked: &PathAndQuery, host: &str) -> Response<Bytes> {
    let status = u16::try_from(it.code).ok().filter(|code| *code != 0);
    let path = if it.uri.is_empty() {
        asked.path()
    } else {
        &it.uri
    };
    let mut location = if path.contains("://") {
        path.to_owned()
    } else {
        let scheme = if it.scheme.is_empty() {
            "http"
        } else {
            &it.scheme
        };
        let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
        let name = if it.host.is_empty() { name } else { &it.host };
        let port = match it.port {
            // Another host or scheme does not listen on our port.
            0 if it.host.is_empty() && it.scheme.is_empty() => port.to_owned(),
            0 => String::new(),
            port => port.to_string(),
        };
        let colon = if port.is_empty() { "" } else { ":" };
        format!("{scheme}://{name}{colon}{port}{path}")
    };
    if let Some(query) = asked.query().filter(|_| !it.strip_query) {
        location += if location.contains('?') { "&" } else { "?" };
        location += query;
    }
    let mut answer = plain(status.unwrap_or(302), Bytes::new());
    if let Ok(location) = location.parse() {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

/// The answer of a route with a direct response.
pub(crate) fn direct(it: &DirectResponse) -> Response<Bytes> {
    let status = u16::try_from(it.status).unwrap_or(500);
    let mut answer = plain(status, Bytes::from(it.body.clone()));
    for (name, value) in valid(&it.headers) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// An answer of the gateway's own.
pub(crate) fn plain(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// RFC 9110, section 7.6.1: what is meant for one connection only.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in named.into_iter().chain(always) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/api/x?q=1", "", Matched::Prefix(1), "/api/x?q=1")]
    #[case("/api/x?q=1", "/v2", Matched::Prefix(1), "/v2/x?q=1")]
    #[case("/api", "/v2", Matched::Prefix(1), "/v2")]
    #[case("/api/x", "/", Matched::Prefix(1), "/x")]
    #[case("/api/x", "/v2/", Matched::Prefix(0), "/v2/api/x")]
    #[case("/api/x?q=1", "/v2", Matched::Whole, "/v2?q=1")]
    fn targets(
        #[case] asked: PathAndQuery,
        #[case] uri: &str,
        #[case] by: Matched,
        #[case] expected: &str,
    ) {
        let rewrite = Rewrite {
            uri: uri.into(),
            ..Rewrite::default()
        };
        assert_eq!(target(&asked, Some(&rewrite), by), expected);
    }

    #[test]
    fn headers_are_set_added_and_removed() {
        let mut headers = HeaderMap::new();
        for name in ["a", "b", "c"] {
            headers.insert(name, HeaderValue::from_static("old"));
        }
        let one = |name: &str| BTreeMap::from([(name.to_owned(), "new".to_owned())]);
        let operation = HeaderOperation {
            set: one("A"),
            add: one("b"),
            remove: vec!["C".into(), "none".into()],
        };
        change(&mut headers, &operation);
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all("a"), ["new"]);
        assert_eq!(all("b"), ["old", "new"]);
        assert!(all("c").is_empty());
    }

    fn location(it: &Redirect) -> (u16, String) {
        let asked = PathAndQuery::from_static("/old?q=1");
        let answer = redirect(it, &asked, "gateway.test:8080");
        let location = answer.headers()[header::LOCATION].to_str().unwrap();
        (answer.status().as_u16(), location.to_owned())
    }

    #[test]
    fn redirects() {
        let same = Redirect::default();
        assert_eq!(
            location(&same),
            (302, "http://gateway.test:8080/old?q=1".into())
        );
        let moved = Redirect {
            uri: "/new".into(),
            host: "other.test".into(),
            code: 308,
            scheme: "https".into(),
            strip_query: true,
            ..Redirect::default()
        };
        assert_eq!(location(&moved), (308, "https://other.test/new".into()));
        let absolute = Redirect {
            uri: "https://x.test/y".into(),
            ..Redirect::default()
        };
        assert_eq!(location(&absolute), (302, "https://x.test/y?q=1".into()));
    }

    #[test]
    fn what_is_for_one_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-mine"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("host", "a.test"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["host"]);
    }
}
