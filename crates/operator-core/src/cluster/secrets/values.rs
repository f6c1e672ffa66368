//! The values of a Secret, kept from every log.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::api::core::v1::Secret;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::decide::key::ObjectKey;

/// The values of one Secret as they were read. Its `Debug` shows which there are, not what they are.
pub struct SecretValues {
    key: ObjectKey,
    version: String,
    values: BTreeMap<String, SecretSlice<u8>>,
}

/// A value is not there, or is no text. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableValue {
    /// The Secret has no such key.
    #[error("Secret {secret} has no key {key:?}; it has: {}", .present.join(", "))]
    Missing {
        /// The Secret.
        secret: ObjectKey,
        /// The key that was looked for.
        key: String,
        /// The keys that are there.
        present: Vec<String>,
    },
    /// The value is not UTF-8.
    #[error("key {key:?} of Secret {secret} must hold text in UTF-8")]
    NotText {
        /// The Secret.
        secret: ObjectKey,
        /// The key.
        key: String,
    },
}

impl SecretValues {
    pub(crate) fn of(secret: Secret) -> Self {
        let key = ObjectKey::of(&secret);
        let meta = secret.metadata;
        let version = format!(
            "{}/{}",
            meta.uid.unwrap_or_default(),
            meta.resource_version.unwrap_or_default()
        );
        let values = secret.data.unwrap_or_default().into_iter();
        Self {
            key,
            version,
            values: values.map(|(name, value)| (name, value.0.into())).collect(),
        }
    }

    /// Changes with every change of the Secret; equal only for the same state of the same Secret.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether no key is there.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&SecretSlice<u8>> {
        self.values.get(key)
    }

    /// The value under `key` as text, exactly as it is stored.
    ///
    /// # Errors
    /// [`UnusableValue`] if there is none, or it is not UTF-8.
    pub fn text(&self, key: &str) -> Result<SecretString, UnusableValue> {
        let value = self.get(key).ok_or_else(|| UnusableValue::Missing {
            secret: self.key.clone(),
            key: key.to_owned(),
            present: self.values.keys().cloned().collect(),
        })?;
        match std::str::from_utf8(value.expose_secret()) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(UnusableValue::NotText {
                secret: self.key.clone(),
                key: key.to_owned(),
            }),
        }
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.values.keys().collect();
        f.debug_struct("SecretValues")
            .field("key", &self.key)
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> SecretValues {
        let secret = json!({
            "metadata": { "namespace": "shop", "name": "aws", "uid": "u", "resourceVersion": "7" },
            "data": { "id": "Y2FuYXJ5", "raw": "/w==" },
        });
        SecretValues::of(serde_json::from_value(secret).unwrap())
    }

    #[test]
    fn a_value_is_given_as_it_is() {
        assert_eq!(values().text("id").unwrap().expose_secret(), "canary");
        assert_eq!(values().get("raw").unwrap().expose_secret(), &[0xff]);
        assert_eq!(values().version(), "u/7");
    }

    #[test]
    fn what_is_wrong_is_said_without_a_value() {
        let missing = values().text("key").unwrap_err();
        assert_eq!(
            missing.to_string(),
            r#"Secret shop/aws has no key "key"; it has: id, raw"#
        );
        let not_text = values().text("raw").unwrap_err();
        assert_eq!(
            not_text.to_string(),
            r#"key "raw" of Secret shop/aws must hold text in UTF-8"#
        );
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?} {:?}", values(), values().text("id"));
        assert!(shown.contains("id") && !shown.contains("canary"), "{shown}");
        assert!(!shown.contains("99, 97, 110"), "{shown}");
    }
}
