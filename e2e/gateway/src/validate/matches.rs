//! Matches of HTTP routes.

use crate::matching::regex;
use crate::spec::route::Match;

const METHODS: [&str; 10] = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "*",
];

pub(super) fn check(block: &Match) -> Result<(), String> {
    if let Some(uri) = &block.uri {
        let given = [&uri.exact, &uri.prefix, &uri.regex];
        if given.iter().filter(|text| !text.is_empty()).count() > 1 {
            return Err("uri: only one of exact, prefix and regex may be given".into());
        }
        compiles(&uri.regex)?;
    }
    for method in &block.methods {
        if !METHODS.contains(&method.to_uppercase().as_str()) {
            return Err(format!("invalid HTTP method {method:?}"));
        }
    }
    for header in &block.headers {
        if header.name.is_empty() {
            return Err("headers: a name is required".into());
        }
        if header.name.parse::<http::HeaderName>().is_err() {
            return Err(format!("headers: {:?} is no HTTP token", header.name));
        }
        compiles(&header.regex)?;
    }
    for query in &block.query_params {
        if query.name.is_empty() {
            return Err("queryParams: a name is required".into());
        }
        compiles(&query.regex)?;
    }
    Ok(())
}

fn compiles(expression: &str) -> Result<(), String> {
    regex(expression).map(drop)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    fn of(block: &Value) -> Result<(), String> {
        let route = json!({"name": "r", "match": [block], "redirect": {"uri": "/"}});
        checked(Kind::ApiRoute, route)
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"uri": {}}))]
    #[case(json!({"uri": {"regex": "^/a"}, "methods": ["GET", "*", "patch"]}))]
    #[case(json!({"headers": [{"name": "X-Mine", "regex": "a+"}], "queryParams": [{"name": "q"}]}))]
    fn accepted(#[case] block: Value) {
        assert_eq!(of(&block), Ok(()));
    }

    #[rstest]
    #[case(json!({"uri": {"exact": "/a", "prefix": "/b"}}), "only one")]
    #[case(json!({"uri": {"regex": "("}}), "regex")]
    #[case(json!({"methods": ["FETCH"]}), "FETCH")]
    #[case(json!({"headers": [{"name": ""}]}), "name is required")]
    #[case(json!({"headers": [{"name": "a b"}]}), "token")]
    #[case(json!({"headers": [{"name": "a", "regex": "("}]}), "regex")]
    #[case(json!({"queryParams": [{"name": ""}]}), "queryParams")]
    #[case(json!({"queryParams": [{"name": "a", "regex": "("}]}), "regex")]
    fn refused(#[case] block: Value, #[case] reason: &str) {
        let refusal = of(&block).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }
}
