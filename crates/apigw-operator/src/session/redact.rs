//! A gateway's words without what is nobody else's business.
//!
//! Words go into logs, into statuses and before everybody who may read these; a gateway may quote in them what it
//! was sent.

use std::collections::{BTreeSet, HashSet};

use apigw_protocol::ConfigurationResource;
use serde_json::Value;

use crate::snapshot::Snapshot;

/// What stands in place of a confidential value.
const REDACTED: &str = "[redacted]";
/// Fields whose values are confidential have one of these in their names, apart from case and hyphens.
const CONFIDENTIAL: [&str; 7] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
];
/// Headers whose values are confidential, though fields that are named so are blocks of settings.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];
/// Fields that say where a confidential value is, or what it is called, end so.
const PLACES: [&str; 5] = ["ref", "source", "path", "file", "name"];
/// Fields that hold what something must be, or becomes, whose name stands beside them.
const MATCHED: [&str; 5] = ["exact", "prefix", "regex", "value", "values"];
/// Shorter values are in too many words.
const SHORTEST: usize = 4;
/// How much of the words is read, and how much is told, in bytes.
const READ: usize = 16 << 10;
const TOLD: usize = 4 << 10;

/// The words without the confidential values of what the gateway may know, as far as they stand there as they were
/// sent.
pub fn redacted<'a>(words: &str, known: impl IntoIterator<Item = &'a Snapshot>) -> String {
    let mut values = BTreeSet::new();
    let mut seen = HashSet::new();
    let items = known.into_iter().flat_map(Snapshot::items);
    for item in items.filter(|item| seen.insert(item.digest())) {
        let ConfigurationResource { spec_json, .. } = item.resource();
        if let Ok(spec) = serde_json::from_slice(&spec_json) {
            gather(&spec, false, &mut values);
        }
    }
    // Messages may show a value in quotes, with what that escapes.
    let quoted: Vec<_> = values
        .iter()
        .map(|value| Value::from(value.as_str()).to_string())
        .map(|quoted| quoted[1..quoted.len() - 1].to_owned())
        .collect();
    // As Go's encoder does it.
    let go = |text: &String| {
        let text = text.replace('&', "\\u0026").replace('<', "\\u003c");
        text.replace('>', "\\u003e")
    };
    values.extend(quoted.iter().map(go));
    values.extend(quoted);
    // A longer one first: it may begin with a shorter one.
    let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut told = String::new();
    let mut rest = &words[..words.floor_char_boundary(READ)];
    let cut = rest.len() < words.len();
    while let Some(next) = rest.chars().next() {
        if cut && values.iter().any(|value| value.starts_with(rest)) {
            // The rest of it was cut off.
            break;
        }
        match values.iter().find(|value| rest.starts_with(**value)) {
            Some(value) => {
                told.push_str(REDACTED);
                rest = &rest[value.len()..];
            }
            None => {
                told.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    told.truncate(told.floor_char_boundary(TOLD));
    told
}

fn gather(value: &Value, confidential: bool, into: &mut BTreeSet<String>) {
    let long = |value: &String| value.len() >= SHORTEST;
    match value {
        Value::String(text) if confidential => into.extend(Some(text.clone()).filter(long)),
        Value::String(text) => into.extend(userinfo(text).into_iter().filter(long)),
        Value::Array(values) => values
            .iter()
            .for_each(|value| gather(value, confidential, into)),
        Value::Object(fields) => {
            // A match of a header names it in one field, and says in another what it must be.
            let named = ["name", "field"]
                .iter()
                .find_map(|name| fields.get(*name)?.as_str());
            if named.is_some_and(|name| names_a_value(&letters(name))) {
                let said = MATCHED.iter().filter_map(|field| fields.get(*field));
                said.for_each(|value| gather(value, true, into));
            }
            for (name, value) in fields {
                let name = letters(name);
                let header = value.as_str().filter(|_| HEADERS.contains(&&*name));
                // What follows the scheme is confidential by itself.
                let bare = header.and_then(|value| value.split_once(' '));
                let bare = bare.map(|(_, bare)| bare.trim().to_owned());
                into.extend(bare.filter(long));
                let named = is_confidential(&name) || header.is_some();
                gather(value, confidential || named, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A name apart from case and hyphens.
fn letters(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn names_a_value(name: &str) -> bool {
    is_confidential(name) || HEADERS.contains(&name)
}

fn is_confidential(name: &str) -> bool {
    CONFIDENTIAL.iter().any(|part| name.contains(part))
        && !PLACES.iter().any(|part| name.ends_with(part))
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
    use std::sync::Arc;

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
    #[case(json!({"headers": {"set": {"X-API-Key": "hunter2"}}}), "header X-API-Key: hunter2")]
    #[case(json!({"headers": {"set": {"Authorization": "hunter2"}}}), "hunter2hunter2")]
    #[case(json!({"jwt": {"staticTokens": ["hunter2"]}}), "token hunter2")]
    #[case(json!({"oidc": {"clientSecret": "<&hunter2>"}}), r#"{"clientSecret":"\u003c\u0026hunter2\u003e"}"#)]
    #[case(json!({"match": [{"headers": [{"name": "Authorization", "regex": "Bearer hunter2("}]}]}), "regex \"Bearer hunter2(\": missing closing )")]
    #[case(json!({"match": [{"queryParams": [{"name": "api_key", "exact": "hunter2"}]}]}), "query hunter2")]
    #[case(json!({"transform": {"injectFields": [{"field": "token", "value": "hunter2"}]}}), "inject hunter2")]
    #[case(json!({"oidc": {"clientSecret": "\"hunter2\""}}), r#"client secret "\"hunter2\"" is unknown"#)]
    fn what_is_confidential_is_hidden(#[case] spec: serde_json::Value, #[case] words: &str) {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", "cache"));
        let item = Item::new(id, Bytes::from(spec.to_string()));
        let told = redacted(words, [&Snapshot::new([item.into()])]);
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.contains(REDACTED), "{told}");
    }

    #[test]
    fn many_short_values_make_no_words_long() {
        let items = (0..100).map(|number| {
            let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", format!("b{number}")));
            let spec = json!({ "password": "edac", "other": { "password": "e" } });
            Arc::new(Item::new(id, Bytes::from(spec.to_string())))
        });
        let told = redacted(&"redacted ".repeat(10_000), [&Snapshot::new(items)]);
        assert!(told.len() <= TOLD, "{}", told.len());
    }

    #[test]
    fn a_value_that_is_cut_off_is_not_begun() {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", "cache"));
        // It shrinks as it is redacted, and so the end of what is read is told.
        let long = "x".repeat(READ - "hunter2".len());
        let spec = json!({ "password": long, "token": "hunter2-and-more" });
        let item = Item::new(id, Bytes::from(spec.to_string()));
        let words = format!("{long}hunter2-and-more");
        let told = redacted(&words, [&Snapshot::new([item.into()])]);
        assert!(!told.contains("hunter"), "{told}");
    }

    #[test]
    fn everything_else_stays() {
        let id = ItemId::new(Kind::Backend, ObjectKey::new("ns", "cache"));
        let spec = json!({"name": "cache", "hosts": [{"address": "http://cache", "port": 80}], "password": "",
            "clientSecretRef": {"name": "cache"},
            "authorization": {"default": "backend"}, "owner": "cache@example"});
        let item = Item::new(id, Bytes::from(spec.to_string()));
        let words = "backend cache: http://cache is no address";
        assert_eq!(redacted(words, [&Snapshot::new([item.into()])]), words);
    }
}
