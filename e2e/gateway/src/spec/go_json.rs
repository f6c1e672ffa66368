//! JSON as Go's `encoding/json` reads it into a struct: keys match in any case, null leaves a field
//! at its zero value, unknown keys are ignored, and a wrong type is an error.

use std::collections::BTreeMap;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// Reads a value of a type whose structs all carry `#[serde(default)]`.
///
/// # Errors
/// When the bytes are not JSON, or a value has another type than the field.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    T::deserialize(Go(serde_json::from_slice(json)?))
}

struct Go(Value);

impl IntoDeserializer<'_, Error> for Go {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Go {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Go)))
            }
            Value::Object(map) => visitor.visit_map(MapDeserializer::new(
                map.into_iter().map(|(key, value)| (key, Go(value))),
            )),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let map = match self.0 {
            Value::Object(map) => map,
            Value::Null => serde_json::Map::new(),
            other => {
                let found = match other {
                    Value::Bool(_) => "bool",
                    Value::Number(_) => "number",
                    Value::String(_) => "string",
                    _ => "array",
                };
                return Err(Error::custom(format!("{found} where {name} belongs")));
            }
        };
        let mut known = BTreeMap::new();
        for (key, value) in map {
            let exact = fields.iter().find(|field| **field == key);
            let any_case = || fields.iter().find(|field| field.eq_ignore_ascii_case(&key));
            if let Some(field) = exact.or_else(any_case)
                && !value.is_null()
            {
                known.insert(*field, Go(value));
            }
        }
        visitor.visit_map(MapDeserializer::new(known.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Outer {
        name: String,
        inner_list: Vec<Inner>,
        set: BTreeMap<String, String>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        port: i64,
        share: Option<f64>,
    }

    #[test]
    fn keys_match_in_any_case_and_null_is_zero() {
        let json = br#"{"NAME":"a","innerlist":[{"Port":1,"share":null},null,{"share":2}],
                        "other":{"x":1},"set":{"X-Mine":"1"}}"#;
        let read: Outer = read(json).unwrap();
        let inner = |port, share| Inner { port, share };
        assert_eq!(read.name, "a");
        assert_eq!(
            read.inner_list,
            [inner(1, None), inner(0, None), inner(0, Some(2.0))]
        );
        assert_eq!(read.set["X-Mine"], "1", "a map's keys stay as they are");
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        for json in [
            &br#"{"name":1}"#[..],
            br#"{"innerList":{}}"#,
            br#"{"innerList":[{"port":"1"}]}"#,
            br#"{"innerList":[{"port":1.5}]}"#,
            br#"{"innerList":[1]}"#,
            br#"[]"#,
            b"{",
        ] {
            let refused = read::<Outer>(json);
            assert!(refused.is_err(), "{}", String::from_utf8_lossy(json));
        }
    }
}
