//! Which requests a route takes, and before which other routes. Pure.

mod field;
mod path;
mod percent;
mod re2;

use http::{HeaderMap, Method};

use crate::spec::route::{Match, TextMatch};
use field::{HeaderRule, QueryRule};
pub(crate) use path::Matched;
use path::PathRule;
pub(crate) use re2::regex;

/// What a route looks at in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a Method,
    /// As sent, still percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// The match blocks of one route, merged as the gateway merges them: any path may match, the last
/// block with methods wins, headers and query parameters of all blocks must all match.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    paths: Vec<PathRule>,
    methods: Vec<String>,
    headers: Vec<HeaderRule>,
    queries: Vec<QueryRule>,
    priority: usize,
}

impl Matcher {
    /// # Errors
    /// When a regular expression is not one for RE2.
    pub(crate) fn new(blocks: &[Match]) -> Result<Self, String> {
        let mut merged = Self::default();
        for block in blocks {
            if let Some(uri) = &block.uri
                && let Some(rule) = PathRule::new(uri)?
            {
                merged.paths.push(rule);
            }
            if !block.methods.is_empty() {
                merged.methods = block.methods.iter().map(|m| m.to_uppercase()).collect();
            }
            for header in &block.headers {
                merged.headers.push(HeaderRule::new(header)?);
            }
            for query in &block.query_params {
                merged.queries.push(QueryRule::new(query)?);
            }
            merged.priority += priority(block);
        }
        Ok(merged)
    }

    /// Routes with more are asked first.
    pub(crate) fn priority(&self) -> usize {
        self.priority
    }

    /// How much of the path matched, if the whole request does.
    pub(crate) fn matches(&self, subject: &Subject) -> Option<Matched> {
        let methods = &self.methods;
        let allows = |name: &str| methods.iter().any(|m| m == name || m == "*");
        let method = methods.is_empty()
            || allows(subject.method.as_str())
            || (subject.method == Method::HEAD && allows("GET"));
        let fields = method
            && self.headers.iter().all(|h| h.matches(subject.headers))
            && self.queries.iter().all(|q| q.matches(subject.query));
        if !fields {
            return None;
        }
        if self.paths.is_empty() {
            return Some(Matched::Whole);
        }
        let path = percent::decoded(subject.path, percent::Plus::Kept);
        self.paths.iter().find_map(|rule| rule.matches(&path))
    }
}

fn priority(block: &Match) -> usize {
    let path = match &block.uri {
        Some(TextMatch { exact, .. }) if !exact.is_empty() => 1000,
        Some(TextMatch { prefix, .. }) if !prefix.is_empty() => 500 + prefix.len(),
        Some(TextMatch { regex, .. }) if !regex.is_empty() => 100,
        _ => 0,
    };
    let methods = if block.methods.is_empty() { 0 } else { 50 };
    path + methods + 10 * block.headers.len() + 5 * block.query_params.len()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::{Body, Spec};

    fn matcher(blocks: &Value) -> Matcher {
        let json = json!({ "name": "r", "match": blocks }).to_string();
        let spec = Spec::read(crate::Kind::ApiRoute, &json.into()).unwrap();
        let Body::Route(http) = spec.body() else {
            unreachable!("a route was read")
        };
        Matcher::new(&http.route.r#match).unwrap()
    }

    fn takes(matcher: &Matcher, method: Method, target: &str, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let subject = Subject {
            method: &method,
            path,
            query,
            headers: &map,
        };
        matcher.matches(&subject).is_some()
    }

    #[rstest]
    #[case(json!([]), 0)]
    #[case(json!([{"uri": {"exact": "/a"}}]), 1000)]
    #[case(json!([{"uri": {"prefix": "/api"}}]), 504)]
    #[case(json!([{"uri": {"regex": "^/a"}}]), 100)]
    #[case(json!([{"uri": {"prefix": "/"}, "methods": ["GET", "PUT"], "headers": [{"name": "a"}],
                   "queryParams": [{"name": "a"}, {"name": "b"}]}]), 501 + 50 + 10 + 10)]
    #[case(json!([{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}}]), 1502)]
    fn priorities_add_up(#[case] blocks: Value, #[case] priority: usize) {
        assert_eq!(matcher(&blocks).priority(), priority);
    }

    #[test]
    fn blocks_are_merged_not_ored() {
        let merged = matcher(&json!([
            {"uri": {"exact": "/a"}, "methods": ["GET"], "headers": [{"name": "x-one", "exact": "1"}]},
            {"uri": {"exact": "/b"}, "methods": ["PUT"], "headers": [{"name": "x-two", "exact": "2"}]},
        ]));
        let both = [("x-one", "1"), ("x-two", "2")];
        assert!(takes(&merged, Method::PUT, "/a", &both));
        assert!(takes(&merged, Method::PUT, "/b", &both));
        assert!(
            !takes(&merged, Method::GET, "/a", &both),
            "the last methods win"
        );
        assert!(
            !takes(&merged, Method::PUT, "/a", &both[..1]),
            "all headers"
        );
    }

    #[test]
    fn a_get_route_serves_head_and_methods_may_be_any() {
        let get = matcher(&json!([{"methods": ["get"]}]));
        assert!(takes(&get, Method::GET, "/", &[]));
        assert!(takes(&get, Method::HEAD, "/", &[]));
        assert!(!takes(&get, Method::POST, "/", &[]));
        let any = matcher(&json!([{"methods": ["*"]}]));
        assert!(takes(&any, Method::DELETE, "/", &[]));
        assert!(takes(&matcher(&json!([])), Method::DELETE, "/x", &[]));
    }

    #[test]
    fn paths_and_queries_are_compared_decoded() {
        let route = matcher(&json!([
            {"uri": {"exact": "/a b"}, "queryParams": [{"name": "q", "exact": "x y"}]},
        ]));
        assert!(takes(&route, Method::GET, "/a%20b?q=x+y", &[]));
        assert!(!takes(&route, Method::GET, "/a+b?q=x+y", &[]));
    }
}
