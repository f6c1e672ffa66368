//! The types of AWS's SDK as JSON and back, so that what a bucket has and what its spec asks for are compared,
//! shown and written in one form.
//!
//! Fields are named as in the spec: in camelCase, with ARN and ID in capitals. What the SDK knows and no table
//! names is not read, and so never drift.

mod analytics;
mod cors;
mod intelligent_tiering;
mod inventory;
#[expect(deprecated, reason = "rules in AWS's older form are read too")]
mod lifecycle;
mod logging;
mod metrics;
mod notification;
mod object_lock;
mod public_access_block;
#[expect(deprecated, reason = "rules in AWS's older form are read too")]
mod replication;
mod tables;
mod website;

use aws_sdk_s3::types::Tag;
use aws_smithy_types::{DateTime, date_time::Format};
use serde_json::{Map, Value};

/// A type of the SDK that has a form in JSON.
pub(super) trait Wire: Sized {
    /// Its form; null if there is nothing to say.
    fn to_json(&self) -> Value;
    /// What the form says; none if it is not the form of such a value.
    fn of_json(json: &Value) -> Option<Self>;
    /// What a field that is left out stands for.
    fn of_nothing() -> Option<Self> {
        None
    }
}

/// The value of a field of an object.
fn field<T: Wire>(object: &Value, name: &str) -> Option<T> {
    match object.get(name) {
        None | Some(Value::Null) => T::of_nothing(),
        Some(value) => T::of_json(value),
    }
}

/// An object of the fields that have something to say.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let said = fields.into_iter().filter(|(_, value)| !is_nothing(value));
    let said: Map<String, Value> = said.map(|(name, value)| (name.to_owned(), value)).collect();
    Value::Object(said)
}

/// Whether leaving the value out says the same.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Texts that are none when they are empty. Other texts may be empty and still say something.
const NONE_IF_EMPTY: [&str; 3] = ["prefix", "suffix", "targetPrefix"];

/// Maps whose keys are the user's own: whatever they are called, none of them is a field.
const MAPS: [&str; 1] = ["tags"];

/// The same without what says nothing.
pub(super) fn said(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match MAPS.contains(&name.as_str()) {
                true => (name, value),
                false => (name, said(value)),
            };
            let says = |(name, value): &(String, Value)| match value {
                Value::String(text) => !(text.is_empty() && NONE_IF_EMPTY.contains(&name.as_str())),
                other => !is_nothing(other),
            };
            Value::Object(fields.into_iter().map(field).filter(says).collect())
        }
        Value::Array(items) => items.into_iter().map(said).collect(),
        other => other,
    }
}

/// `replica_kms_key_id` as `replicaKmsKeyID`.
fn name_of(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| match word {
        "arn" | "id" => name + &word.to_ascii_uppercase(),
        word => name + &word[..1].to_ascii_uppercase() + &word[1..],
    })
}

impl<T: Wire> Wire for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
    fn of_json(json: &Value) -> Option<Self> {
        T::of_json(json).map(Some)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }
    fn of_json(json: &Value) -> Option<Self> {
        json.as_array()?.iter().map(T::of_json).collect()
    }
}

impl Wire for String {
    fn to_json(&self) -> Value {
        self.as_str().into()
    }
    fn of_json(json: &Value) -> Option<Self> {
        json.as_str().map(str::to_owned)
    }
}

impl Wire for bool {
    fn to_json(&self) -> Value {
        (*self).into()
    }
    fn of_json(json: &Value) -> Option<Self> {
        json.as_bool()
    }
}

impl Wire for i32 {
    fn to_json(&self) -> Value {
        (*self).into()
    }
    fn of_json(json: &Value) -> Option<Self> {
        json.as_i64()?.try_into().ok()
    }
}

impl Wire for i64 {
    fn to_json(&self) -> Value {
        (*self).into()
    }
    fn of_json(json: &Value) -> Option<Self> {
        json.as_i64()
    }
}

/// Midnight of a day is the day; S3 knows no other times in configurations.
impl Wire for DateTime {
    fn to_json(&self) -> Value {
        let text = self.fmt(Format::DateTime).unwrap_or_default();
        let day = text.strip_suffix("T00:00:00Z").map(str::to_owned);
        day.unwrap_or(text).into()
    }
    fn of_json(json: &Value) -> Option<Self> {
        let day = json.as_str()?;
        Self::from_str(&format!("{day}T00:00:00Z"), Format::DateTime).ok()
    }
}

/// A tag is a map of one.
impl Wire for Tag {
    fn to_json(&self) -> Value {
        Value::Object(
            [(self.key.clone(), self.value.as_str().into())]
                .into_iter()
                .collect(),
        )
    }
    fn of_json(json: &Value) -> Option<Self> {
        let (key, value) = json.as_object()?.iter().next()?;
        Self::builder().key(key).value(value.as_str()?).build().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_as_in_the_spec() {
        for (field, name) in [
            ("id", "id"),
            ("object_size_less_than", "objectSizeLessThan"),
            ("access_point_arn", "accessPointARN"),
            ("replica_kms_key_id", "replicaKmsKeyID"),
        ] {
            assert_eq!(name_of(field), name);
        }
    }

    #[test]
    fn what_says_nothing_is_left_out_at_every_depth() {
        let wordy = json!({
            "a": null, "b": false, "c": [], "prefix": "", "d": { "e": {}, "targetPrefix": "" },
            "replaceKeyPrefixWith": "", "f": [{ "g": false }], "h": 0,
        });
        assert_eq!(
            said(wordy),
            json!({ "replaceKeyPrefixWith": "", "f": [{}], "h": 0 })
        );
    }

    #[test]
    fn the_keys_of_tags_are_no_fields() {
        let tags = json!({ "hotfix": "", "prefix": "", "suffix": "", "targetPrefix": "" });
        let rule = json!({ "prefix": "", "tags": tags });
        assert_eq!(said(rule), json!({ "tags": tags }));
        let untagged = json!({ "id": "a", "tags": {}, "postfix": "" });
        assert_eq!(said(untagged), json!({ "id": "a", "postfix": "" }));
    }

    #[test]
    fn a_day_is_its_midnight() {
        let day = json!("2040-12-31");
        let midnight = DateTime::of_json(&day).unwrap();
        assert_eq!(midnight.secs(), 2_240_524_800);
        assert_eq!(midnight.to_json(), day);
        let noon = DateTime::from_secs(midnight.secs() + 43_200);
        assert_eq!(noon.to_json(), "2040-12-31T12:00:00Z");
        assert!(
            DateTime::of_json(&json!("2040-02-31")).is_none(),
            "no such day"
        );
    }
}
