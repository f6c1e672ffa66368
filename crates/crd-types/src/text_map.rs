//! A few texts by their keys, in as little memory as they need.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Texts by their keys, in their order.
///
/// An operator keeps every object of its kinds in memory. There a `BTreeMap` takes room for eleven texts even where it
/// has one, which is more than all the rest of many a spec.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextMap(Box<[(Box<str>, Box<str>)]>);

impl TextMap {
    /// The texts with their keys, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, text)| (&**key, &**text))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a text by this key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0
            .binary_search_by(|(known, _)| (**known).cmp(key))
            .is_ok()
    }

    /// The same in the form in which it is easily changed.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let owned = |(key, text): (&str, &str)| (key.to_owned(), text.to_owned());
        self.iter().map(owned).collect()
    }
}

impl From<BTreeMap<String, String>> for TextMap {
    fn from(map: BTreeMap<String, String>) -> Self {
        let boxed = |(key, text): (String, String)| (key.into(), text.into());
        Self(map.into_iter().map(boxed).collect())
    }
}

impl fmt::Debug for TextMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for TextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for TextMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(BTreeMap::into)
    }
}

impl JsonSchema for TextMap {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, String>::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_and_written_as_a_map_is() {
        let text = r#"{"b":"2","a":"1","":"3"}"#;
        let read: TextMap = serde_json::from_str(text).unwrap();
        let map: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            serde_json::to_string(&map).unwrap()
        );
        assert_eq!(read.to_map(), map);
        assert_eq!(TextMap::from(map), read);
        assert_eq!(format!("{read:?}"), r#"{"": "3", "a": "1", "b": "2"}"#);
    }

    #[test]
    fn keys_are_found() {
        let map: TextMap = serde_json::from_str(r#"{"b":"2","a":"1"}"#).unwrap();
        assert!(map.contains_key("a") && map.contains_key("b"));
        assert!(!map.contains_key("c") && !map.is_empty());
        assert!(TextMap::default().is_empty());
        assert!(serde_json::from_str::<TextMap>(r#"{"a":1}"#).is_err());
    }
}
