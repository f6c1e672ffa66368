//! The values of a ConfigMap as texts.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;

use crate::decide::key::ObjectKey;

/// The values of one ConfigMap; none where one is no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts(BTreeMap<String, Option<Arc<str>>>);

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// It was not looked up yet.
    #[error("ConfigMap {config_map} was not looked up yet")]
    Unknown {
        /// The ConfigMap.
        config_map: ObjectKey,
    },
    /// It could not be looked up.
    #[error("ConfigMap {config_map} cannot be read: {why}")]
    Unreadable {
        /// The ConfigMap.
        config_map: ObjectKey,
        /// What the API server said.
        why: String,
    },
    /// There is no such ConfigMap.
    #[error("ConfigMap {config_map} is not there")]
    NoConfigMap {
        /// The ConfigMap.
        config_map: ObjectKey,
    },
    /// The ConfigMap has no such key.
    #[error("ConfigMap {config_map} has no key {key:?}; it has: {}", listed(.present))]
    NoKey {
        /// The ConfigMap.
        config_map: ObjectKey,
        /// The key that was looked for.
        key: String,
        /// The keys that are there.
        present: Vec<String>,
    },
    /// No key was named, and there is not just one.
    #[error("a key must be named unless there is only one; ConfigMap {config_map} has: {}", listed(.present))]
    NotOne {
        /// The ConfigMap.
        config_map: ObjectKey,
        /// The keys that are there.
        present: Vec<String>,
    },
    /// The value is not UTF-8.
    #[error("key {key:?} of ConfigMap {config_map} must hold text in UTF-8")]
    NotText {
        /// The ConfigMap.
        config_map: ObjectKey,
        /// The key.
        key: String,
    },
}

impl Texts {
    /// Binary values go before others of the same key.
    pub(super) fn of(config_map: ConfigMap) -> Self {
        let texts = config_map.data.unwrap_or_default().into_iter();
        let texts = texts.map(|(key, text)| (key, Some(Arc::from(text))));
        let binary = config_map.binary_data.unwrap_or_default().into_iter();
        let binary = binary.map(|(key, bytes)| (key, String::from_utf8(bytes.0).ok()));
        let binary = binary.map(|(key, text)| (key, text.map(Arc::from)));
        Self(texts.chain(binary).collect())
    }

    /// The text under `key`, under the only key where none is named. `config_map` is what these are of.
    pub(super) fn get(
        &self,
        config_map: &ObjectKey,
        key: Option<&str>,
    ) -> Result<Arc<str>, NoText> {
        let config_map = || config_map.clone();
        let present = || self.0.keys().cloned().collect();
        let (key, text) = match key {
            Some(key) => self.0.get_key_value(key).ok_or_else(|| NoText::NoKey {
                config_map: config_map(),
                key: key.to_owned(),
                present: present(),
            })?,
            None if self.0.len() == 1 => self.0.first_key_value().expect("it has one"),
            None => {
                return Err(NoText::NotOne {
                    config_map: config_map(),
                    present: present(),
                });
            }
        };
        text.clone().ok_or_else(|| NoText::NotText {
            config_map: config_map(),
            key: key.clone(),
        })
    }
}

fn listed(keys: &[String]) -> String {
    const SHOWN: usize = 10;
    match keys.len() {
        0 => "none".to_owned(),
        1..=SHOWN => keys.join(", "),
        many => format!("{} and {} more", keys[..SHOWN].join(", "), many - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(config_map: serde_json::Value) -> Texts {
        Texts::of(serde_json::from_value(config_map).expect("a ConfigMap"))
    }

    fn get(texts: &Texts, key: Option<&str>) -> Result<String, String> {
        let text = texts.get(&ObjectKey::new("shop", "docs"), key);
        text.map(|text| text.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_text_is_found_by_its_key_or_by_being_the_only_one() {
        let one = texts(json!({"data": {"a": "text"}}));
        assert_eq!(get(&one, None).as_deref(), Ok("text"));
        assert_eq!(get(&one, Some("a")).as_deref(), Ok("text"));
        let two = texts(json!({"data": {"a": "plain", "b": "b"}, "binaryData": {"a": "YmluYXJ5"}}));
        assert_eq!(get(&two, Some("a")).as_deref(), Ok("binary"));
    }

    #[test]
    fn what_is_missing_is_told() {
        let none = texts(json!({}));
        let two = texts(json!({"data": {"a": "a"}, "binaryData": {"b": "/w=="}}));
        let told = |texts, key, words: &str| {
            assert_eq!(get(texts, key), Err(words.to_owned()));
        };
        told(
            &two,
            Some("c"),
            r#"ConfigMap shop/docs has no key "c"; it has: a, b"#,
        );
        told(
            &two,
            Some("b"),
            r#"key "b" of ConfigMap shop/docs must hold text in UTF-8"#,
        );
        let named = "a key must be named unless there is only one; ConfigMap shop/docs has: ";
        told(&two, None, &format!("{named}a, b"));
        told(&none, None, &format!("{named}none"));
    }

    #[test]
    fn of_many_keys_some_are_listed() {
        let keys: Vec<_> = (0..13).map(|key| format!("k{key}")).collect();
        assert!(listed(&keys).ends_with("k9 and 3 more"));
    }
}
