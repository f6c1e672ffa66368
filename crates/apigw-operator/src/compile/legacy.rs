//! Fields of earlier gateways, in the place where today's look for them.

use serde_json::{Map, Value, json};

/// Moves what stands in its old place to its new one, unless something stands there already. Returns how many
/// fields had an old place.
pub fn rewrite(spec: &mut Map<String, Value>) -> u64 {
    let mut earlier = 0;
    if let Some(cache) = at(spec, &["authorization", "cache"]) {
        let sentinel = cache.remove("sentinel");
        earlier += u64::from(sentinel.is_some());
        if let Some(sentinel) = sentinel
            && !cache.contains_key("redis")
        {
            cache.insert("redis".to_owned(), json!({ "sentinel": sentinel }));
        }
    }
    let (policy, transport) = match at(spec, &["security", "headers"]) {
        None => return earlier,
        Some(headers) => (
            headers.remove("contentSecurityPolicy"),
            headers.remove("strictTransportSecurity"),
        ),
    };
    earlier += [&policy, &transport].into_iter().flatten().count() as u64;
    let Some(security) = at(spec, &["security"]) else {
        return earlier;
    };
    if let Some(policy) = policy
        && !security.contains_key("csp")
    {
        security.insert(
            "csp".to_owned(),
            json!({ "enabled": true, "policy": policy }),
        );
    }
    if let Some(Value::String(transport)) = transport
        && !security.contains_key("hsts")
    {
        security.insert("hsts".to_owned(), hsts(&transport));
    }
    earlier
}

fn at<'a>(spec: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter()
        .try_fold(spec, |object, name| object.get_mut(*name)?.as_object_mut())
}

/// The header `Strict-Transport-Security` (RFC 6797, 6.1) as fields.
fn hsts(header: &str) -> Value {
    let (mut max_age, mut subdomains, mut preload) = (0, false, false);
    for directive in header.split(';') {
        let directive = directive.trim().to_ascii_lowercase();
        match directive.split_once('=') {
            Some(("max-age", seconds)) => {
                max_age = seconds.trim().trim_matches('"').parse().unwrap_or(0_u32)
            }
            None if directive == "includesubdomains" => subdomains = true,
            None if directive == "preload" => preload = true,
            _ => {}
        }
    }
    json!({ "enabled": true, "maxAge": max_age, "includeSubDomains": subdomains, "preload": preload })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        json!({"authorization": {"cache": {"ttl": "1m", "sentinel": {"masterName": "m"}}}}),
        json!({"authorization": {"cache": {"ttl": "1m", "redis": {"sentinel": {"masterName": "m"}}}}})
    )]
    #[case(
        json!({"authorization": {"cache": {"redis": {"url": "u"}, "sentinel": {"masterName": "m"}}}}),
        json!({"authorization": {"cache": {"redis": {"url": "u"}}}})
    )]
    #[case(
        json!({"security": {"headers": {"contentSecurityPolicy": "default-src 'self'", "xFrameOptions": "DENY"}}}),
        json!({"security": {"headers": {"xFrameOptions": "DENY"}, "csp": {"enabled": true, "policy": "default-src 'self'"}}})
    )]
    #[case(
        json!({"security": {"headers": {"strictTransportSecurity": "Max-Age=31536000; includeSubDomains; preload; x=y"}}}),
        json!({"security": {"headers": {}, "hsts": {"enabled": true, "maxAge": 31_536_000, "includeSubDomains": true, "preload": true}}})
    )]
    #[case(
        json!({"security": {"headers": {"strictTransportSecurity": "max-age=soon"}, "csp": {"policy": "p"}}}),
        json!({"security": {"headers": {}, "csp": {"policy": "p"}, "hsts": {"enabled": true, "maxAge": 0, "includeSubDomains": false, "preload": false}}})
    )]
    #[case(
        json!({"security": {"headers": {"strictTransportSecurity": "max-age=1"}, "hsts": {"enabled": false}}}),
        json!({"security": {"headers": {}, "hsts": {"enabled": false}}})
    )]
    #[case(json!({"timeout": "1s"}), json!({"timeout": "1s"}))]
    fn the_old_place_gives_way_to_the_new(#[case] old: Value, #[case] new: Value) {
        let Value::Object(mut spec) = old else {
            panic!("an object")
        };
        let before = Value::Object(spec.clone());
        let earlier = rewrite(&mut spec);
        assert_eq!(earlier == 0, before == new, "{earlier}");
        assert_eq!(Value::Object(spec), new);
    }
}
