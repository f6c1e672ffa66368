use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// Values of headers, by and in the order of their names. `Debug` shows the names alone: a value may be a credential.
///
/// A list, as many routes have few headers each, and the smallest map takes ten times what those do.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<Box<str>, Box<str>>")]
pub struct HeaderValues(Box<[(Box<str>, Box<str>)]>);

impl HeaderValues {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<Box<str>, Box<str>>> for HeaderValues {
    fn from(headers: BTreeMap<Box<str>, Box<str>>) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for HeaderValues {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(headers: I) -> Self {
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| (name.into(), value.into()));
        headers.collect::<BTreeMap<_, _>>().into()
    }
}

impl Serialize for HeaderValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Debug for HeaderValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl JsonSchema for HeaderValues {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "HeaderValues".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": "string", "maxLength": 16384 },
            "maxProperties": 256,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        let headers = HeaderValues::from_iter([("Authorization", "Bearer needle")]);
        assert_eq!(format!("{headers:?}"), r#"{"Authorization"}"#);
    }

    #[test]
    fn values_are_read_and_written_as_a_map() {
        let headers: HeaderValues = serde_json::from_str(r#"{"b":"2","a":"1"}"#).expect("a map");
        assert_eq!(headers, HeaderValues::from_iter([("a", "1"), ("b", "2")]));
        let written = serde_json::to_string(&headers).expect("JSON");
        assert_eq!(written, r#"{"a":"1","b":"2"}"#);
    }
}
