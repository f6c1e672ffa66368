//! HTTP routes.

use crate::spec::route::{OpenApiValidation, Route, RouteDestination};

use super::{limits, matches, port, redirect, tls};

pub(super) fn check(route: &Route) -> Result<(), String> {
    for block in &route.r#match {
        matches::check(block)?;
    }
    if route.route.is_empty() && route.redirect.is_none() && route.direct_response.is_none() {
        return Err(
            "at least one route destination, redirect or directResponse is required".into(),
        );
    }
    destinations(&route.route)?;
    if route.timeout.is_negative() {
        return Err("timeout cannot be negative".into());
    }
    if let Some(it) = &route.redirect {
        redirect::redirect(it)?;
    }
    if let Some(it) = &route.direct_response {
        redirect::direct_response(it)?;
    }
    if let Some(it) = &route.rate_limit {
        limits::rate_limit(it)?;
    }
    if let Some(it) = &route.cache {
        limits::cache(it)?;
    }
    if let Some(it) = &route.max_sessions {
        limits::max_sessions(it)?;
    }
    if let Some(it) = &route.tls {
        tls::route(it)?;
    }
    if let Some(it) = &route.open_api_validation {
        open_api(it)?;
    }
    Ok(())
}

fn destinations(all: &[RouteDestination]) -> Result<(), String> {
    for one in all {
        if one.destination.host.is_empty() {
            return Err("destination.host is required".into());
        }
        port("destination.port", one.destination.port)?;
        if !(0..=100).contains(&one.weight) {
            let weight = one.weight;
            return Err(format!("weight must be between 0 and 100, not {weight}"));
        }
    }
    let sum: i64 = all.iter().map(|one| one.weight).sum();
    if all.len() > 1 && sum > 0 && sum != 100 {
        return Err(format!("destination weights must sum to 100, not {sum}"));
    }
    Ok(())
}

fn open_api(it: &OpenApiValidation) -> Result<(), String> {
    if !it.enabled {
        return Ok(());
    }
    let given = |text: &str| !text.is_empty();
    if !given(&it.spec_file) && !given(&it.spec_url) && !given(&it.spec_inline) {
        return Err("openAPIValidation needs specFile, specURL or specInline".into());
    }
    if given(&it.spec_file) && given(&it.spec_url) {
        return Err("openAPIValidation: specFile and specURL exclude each other".into());
    }
    if given(&it.spec_url) && !is_http_url(&it.spec_url) {
        let url = &it.spec_url;
        return Err(format!(
            "openAPIValidation: specURL is no http(s) URL: {url:?}"
        ));
    }
    Ok(())
}

/// Go's `url.Parse` takes ports of digits and whole percent-encodings alone.
fn is_http_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let host = uri.host().unwrap_or_default();
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let after_host = authority.rsplit_once(host).map_or("", |(_, after)| after);
    let port = after_host.strip_prefix(':').unwrap_or(after_host);
    let hexadecimal = |text: &str| {
        let digits = text.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.count() == 2
    };
    ["http", "https"].contains(&scheme.as_str())
        && !host.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && url.split('%').skip(1).all(hexadecimal)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::Kind;
    use crate::validate::checked;

    fn with(field: &str, value: &Value) -> Result<(), String> {
        let mut route = json!({"name": "r", "route": [{"destination": {"host": "b", "port": 80}}]});
        route[field] = value.clone();
        checked(Kind::ApiRoute, route)
    }

    fn to(weights: &[i64]) -> Value {
        let one =
            |weight: &i64| json!({"destination": {"host": "b", "port": 80}, "weight": weight});
        weights.iter().map(one).collect()
    }

    #[rstest]
    #[case("timeout", json!("30s"))]
    #[case("route", to(&[7]))]
    #[case("route", to(&[0, 0]))]
    #[case("route", to(&[30, 70]))]
    #[case("route", json!([{"destination": {"host": "b"}}]))]
    #[case("openAPIValidation", json!({"enabled": false}))]
    #[case("openAPIValidation", json!({"enabled": true, "specInline": "{}"}))]
    #[case("openAPIValidation", json!({"enabled": true, "specURL": "https://x.test/spec"}))]
    #[case("openAPIValidation", json!({"enabled": true, "specURL": "HTTP://u:p@x.test:80/a%20b?c#d"}))]
    fn accepted(#[case] field: &str, #[case] value: Value) {
        assert_eq!(with(field, &value), Ok(()));
    }

    #[rstest]
    #[case("timeout", json!("-1s"), "timeout")]
    #[case("route", json!([]), "at least one")]
    #[case("route", json!([{"destination": {"host": "", "port": 80}}]), "host is required")]
    #[case("route", json!([{"destination": {"host": "b", "port": 65536}}]), "65535")]
    #[case("route", to(&[100, 100]), "sum to 100, not 200")]
    #[case("route", to(&[101]), "weight")]
    #[case("openAPIValidation", json!({"enabled": true}), "needs")]
    #[case("openAPIValidation", json!({"enabled": true, "specFile": "a", "specURL": "http://x"}), "exclude")]
    #[case("openAPIValidation", json!({"enabled": true, "specURL": "ftp://x"}), "http(s)")]
    #[case("openAPIValidation", json!({"enabled": true, "specURL": "http://x:port/"}), "http(s)")]
    #[case("openAPIValidation", json!({"enabled": true, "specURL": "http://x/%zz"}), "http(s)")]
    fn refused(#[case] field: &str, #[case] value: Value, #[case] reason: &str) {
        let refusal = with(field, &value).unwrap_err();
        assert!(refusal.contains(reason), "{refusal}");
    }

    #[test]
    fn a_redirect_or_a_direct_response_is_enough() {
        for (field, value) in [
            ("redirect", json!({"uri": "/b"})),
            ("directResponse", json!({"status": 204})),
        ] {
            let mut route = json!({"name": "r"});
            route[field] = value;
            assert_eq!(checked(Kind::ApiRoute, route), Ok(()));
        }
    }
}
