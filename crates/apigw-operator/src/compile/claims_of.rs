//! The requests that a route claims, in a form that is equal where the requests are.

use crd_types::{
    apigw::v1alpha1::{APIRouteSpec, HeaderMatch, QueryParamMatch, RouteMatch, StringMatch},
    stored::Stored,
};
use serde_json::json;

/// One claim for each block of the match; one for everything where there is none.
pub fn claims(spec: &APIRouteSpec) -> Vec<String> {
    let mut claims: Vec<String> = match &spec.matches[..] {
        [] => vec![claim(&RouteMatch {
            uri: None,
            methods: Vec::new(),
            headers: Vec::new(),
            query_params: Vec::new(),
        })],
        blocks => blocks.iter().map(claim).collect(),
    };
    claims.sort();
    claims.dedup();
    claims
}

fn claim(block: &RouteMatch) -> String {
    let mut methods: Vec<&str> = block.methods.iter().map(Stored::as_str).collect();
    methods.sort_unstable();
    methods.dedup();
    let mut headers: Vec<String> = block.headers.iter().map(header).collect();
    headers.sort();
    let mut query: Vec<String> = block.query_params.iter().map(parameter).collect();
    query.sort();
    let path = block.uri.as_ref().and_then(path);
    let mut claim = path.unwrap_or_else(|| "prefix /".to_owned());
    for (name, parts) in [
        ("methods", methods.join(",")),
        ("headers", headers.join(",")),
        ("query", query.join(",")),
    ] {
        if !parts.is_empty() {
            claim.push_str(&format!(" {name} {parts}"));
        }
    }
    claim
}

fn path(uri: &StringMatch) -> Option<String> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let regex = uri.regex.as_ref().map(|regex| regex.as_str().to_owned());
    None.or_else(|| given(&uri.exact).map(|path| format!("exact {path}")))
        .or_else(|| given(&uri.prefix).map(|path| format!("prefix {path}")))
        .or_else(|| given(&regex).map(|path| format!("regex {path}")))
}

/// Header names are the same in any case.
fn header(header: &HeaderMatch) -> String {
    let name = header.name.to_ascii_lowercase();
    let regex = header.regex.as_ref().map(Stored::as_str);
    json!([
        name,
        header.exact,
        header.prefix,
        regex,
        header.present,
        header.absent
    ])
    .to_string()
}

fn parameter(parameter: &QueryParamMatch) -> String {
    let regex = parameter.regex.as_ref().map(Stored::as_str);
    json!([parameter.name, parameter.exact, regex, parameter.present]).to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    fn of(blocks: Value) -> Vec<String> {
        let spec = json!({ "match": blocks });
        claims(&serde_json::from_value(spec).expect("a route"))
    }

    #[rstest]
    #[case(json!([]), json!([{}]))]
    #[case(json!([{"uri": {"prefix": "/"}}]), json!([{}]))]
    #[case(json!([{"methods": ["POST", "GET"]}]), json!([{"methods": ["GET", "POST", "GET"]}]))]
    #[case(json!([{"headers": [{"name": "X-A", "exact": "1"}]}]), json!([{"headers": [{"name": "x-a", "exact": "1"}]}]))]
    #[case(json!([{"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}]), json!([{"uri": {"exact": "/b"}}, {"uri": {"exact": "/a"}}]))]
    fn the_same_requests_are_the_same_claims(#[case] one: Value, #[case] other: Value) {
        assert_eq!(of(one), of(other));
    }

    #[rstest]
    #[case(json!([{"uri": {"exact": "/a"}}]), json!([{"uri": {"prefix": "/a"}}]))]
    #[case(json!([{"methods": ["GET"]}]), json!([{}]))]
    #[case(json!([{"headers": [{"name": "x", "exact": "1"}]}]), json!([{"headers": [{"name": "x", "prefix": "1"}]}]))]
    #[case(json!([{"queryParams": [{"name": "x", "exact": "1"}]}]), json!([{"queryParams": [{"name": "X", "exact": "1"}]}]))]
    fn other_requests_are_other_claims(#[case] one: Value, #[case] other: Value) {
        assert_ne!(of(one), of(other));
    }
}
