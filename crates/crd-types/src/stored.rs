//! Text as the API server stores it.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    rules::{Check, InvalidField},
    text::{InvalidText, Text},
};

/// Text that admission checks as a `T` today, but that may have been stored before it did.
///
/// A spec holds its strings as this, so that an object is readable, and so deletable, whatever an earlier
/// schema let in. Whoever uses the text asks for the `T`.
pub struct Stored<T> {
    text: String,
    kind: PhantomData<fn() -> T>,
}

impl<T> Stored<T> {
    /// Text as it came, whatever it is.
    pub fn unchecked(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: PhantomData,
        }
    }

    /// The text as it is stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T: Text> Stored<T> {
    /// The text as what it should be.
    ///
    /// # Errors
    /// When admission would refuse it today.
    pub fn parse(&self) -> Result<T, InvalidText> {
        self.text.parse()
    }

    /// The text as what it should be, for the field at `path` (`spec.bucketName`).
    ///
    /// # Errors
    /// When admission would refuse it today.
    pub fn parse_at(&self, path: &str) -> Result<T, InvalidField> {
        self.parse()
            .map_err(|invalid| InvalidField::new(path, invalid.to_string()))
    }
}

impl<T: Text> Stored<T> {
    /// Checks the text as what it should be, for the field at `path`.
    ///
    /// # Errors
    /// When admission would refuse it today.
    pub fn check(&self, path: &str) -> Result<(), InvalidField> {
        self.parse_at(path).map(drop)
    }
}

impl<T: Text> Check for Stored<T> {
    fn check(&self, path: &str) -> Result<(), InvalidField> {
        Stored::check(self, path)
    }
}

impl<T: Text> From<T> for Stored<T> {
    fn from(valid: T) -> Self {
        Self::unchecked(valid.as_ref())
    }
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self::unchecked(&*self.text)
    }
}

impl<T> PartialEq for Stored<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Stored<T> {}

impl<T> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl<T> fmt::Display for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Stored<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::unchecked)
    }
}

impl<T: Text> JsonSchema for Stored<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ObjectName;

    #[test]
    fn anything_is_read_and_written_back_but_only_what_is_valid_is_parsed() {
        let read: Vec<Stored<ObjectName>> =
            serde_json::from_str(r#"["good-name","Bad Name"]"#).unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"["good-name","Bad Name"]"#
        );
        assert_eq!(read[0].parse().unwrap().as_str(), "good-name");
        let refused = read[1].parse_at("spec.name").unwrap_err();
        assert_eq!(refused.path, "spec.name");
        assert!(
            refused
                .why
                .starts_with("`Bad Name` is not a valid object name: "),
            "{refused}"
        );
    }
}
