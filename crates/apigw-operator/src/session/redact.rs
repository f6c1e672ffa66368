//! A gateway's words without what is nobody else's business.
//!
//! Words go into logs, into statuses and before everybody who may read these; a gateway may quote in them what it
//! was sent.

use std::collections::HashSet;

use apigw_protocol::ConfigurationResource;
use serde_json::Value;

use crate::snapshot::Snapshot;

/// What stands in place of a confidential value.
const REDACTED: &str = "[redacted]";
/// Fields whose values are confidential have one of these in their names.
const CONFIDENTIAL: [&str; 6] = [
    "password",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
];
/// Headers whose values are confidential, though fields that are named so are blocks of settings.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];

/// The words without any confidential value of what the gateway may know.
pub fn redacted<'a>(words: &str, known: impl IntoIterator<Item = &'a Snapshot>) -> String {
    let mut values = Vec::new();
    let mut seen = HashSet::new();
    let items = known.into_iter().flat_map(Snapshot::items);
    for item in items.filter(|item| seen.insert(item.digest())) {
        let ConfigurationResource { spec_json, .. } = item.resource();
        if let Ok(spec) = serde_json::from_slice(&spec_json) {
            gather(&spec, false, &mut values);
        }
    }
    // A longer one first: it may hold a shorter one.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let hide = |words: String, value: &String| words.replace(value, REDACTED);
    values.iter().fold(words.to_owned(), hide)
}

fn gather(value: &Value, confidential: bool, into: &mut Vec<String>) {
    match value {
        Value::String(text) if confidential && !text.is_empty() => into.push(text.clone()),
        Value::String(text) => into.extend(userinfo(text)),
        Value::Array(values) => values
            .iter()
            .for_each(|value| gather(value, confidential, into)),
        Value::Object(fields) => {
            for (name, value) in fields {
                // Headers are written with hyphens.
                let letters = name.chars().filter(char::is_ascii_alphanumeric);
                let name = letters.collect::<String>().to_ascii_lowercase();
                let named = CONFIDENTIAL.iter().any(|part| name.contains(part));
                let header = value.as_str().filter(|_| HEADERS.contains(&name.as_str()));
                // What follows the scheme is confidential by itself.
                let bare = header.and_then(|value| value.split_once(' '));
                into.extend(
                    bare.map(|(_, bare)| bare.trim().to_owned())
                        .filter(|it| !it.is_empty()),
                );
                gather(value, confidential || named || header.is_some(), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The part of a URL that says who asks: `user:password`, and the password by itself. The scheme may have been
/// forgotten.
fn userinfo(text: &str) -> Vec<String> {
    let scheme = text.split_once("://");
    let rest = scheme.map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((userinfo, _)) = authority.rsplit_once('@') else {
        return Vec::new();
    };
    let password = userinfo.split_once(':').map(|(_, password)| password);
    // Without either it may as well be somebody's address.
    if scheme.is_none() && password.is_none() {
        return Vec::new();
    }
    let parts = [Some(userinfo), password].into_iter().flatten();
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use operator_core::decide::key::ObjectKey;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Item, ItemId, Kind};

    #[rstest]
    #[case(json!({"redis": {"url": "redis://me:hunter2@cache:6379/0"}}), "dial redis://me:hunter2@cache:6379: refused")]
    #[case(json!({"redis": {"url": "redis://:hunter2@cache"}}), "the password hunter2 is wrong")]
    #[case(json!({"redis": {"url": "me:hunter2@cache:6379"}}), "no URL: \"me:hunter2@cache:6379\"")]
    #[case(json!({"headers": {"request": {"set": {"X-API-Key": "hunter2"}}}}), "header hunter2")]
    #[case(json!({"headers": {"request": {"set": {"Authorization": "Bearer hunter2"}}}}), "bearer hunter2")]
    #[case(json!({"headers": {"request": {"add": {"Cookie": "hunter2"}}}}), "cookie hunter2")]
    #[case(json!({"authentication": {"basic": {"username": "me", "password": "hunter2"}}}), "basic me/hunter2")]
    #[case(json!({"oidc": {"clientSecret": "hunter2"}}), "client secret \"hunter2\"")]
    #[case(json!({"jwt": {"staticTokens": ["hunter2"]}}), "token hunter2")]
    fn what_is_confidential_is_hidden(#[case] spec: serde_json::Value, #[case] words: &str) {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", "cache"));
        let item = Item::new(id, Bytes::from(spec.to_string()));
        let told = redacted(words, [&Snapshot::new([item.into()])]);
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.contains(REDACTED), "{told}");
    }

    #[test]
    fn everything_else_stays() {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", "cache"));
        let spec = json!({"name": "cache", "hosts": [{"address": "http://cache", "port": 80}], "password": "",
            "authorization": {"default": "backend"}, "owner": "cache@example"});
        let item = Item::new(id, Bytes::from(spec.to_string()));
        let words = "backend cache: http://cache is no address";
        assert_eq!(redacted(words, [&Snapshot::new([item.into()])]), words);
    }
}
