//! Forms that several facets share: how lists compare, what the spec says, what AWS answers where there is
//! nothing.

use operator_core::decide::outcome::Fault;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Facet;
use crate::{
    aws::{Call, Failed, Failure},
    s3bucket::reasons,
    s3bucket::wire::{Wire, said},
};

/// The list of a spec, unless it is left out.
pub(super) fn wanted_list<T: Serialize>(list: &[T]) -> Option<Value> {
    (!list.is_empty()).then(|| list.iter().map(wanted_object).collect())
}

/// What a spec says, without what says nothing.
pub(super) fn wanted_object<T: Serialize>(spec: &T) -> Value {
    said(serde_json::to_value(spec).unwrap_or_default())
}

/// The answer, or none where AWS says by `code` that there is nothing.
pub(super) fn unless<T>(answer: Result<T, Failed>, code: &str) -> Result<Option<T>, Failed> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failed) if failed.is(&[code]) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// How regions and stores say that they do not know what is asked.
const UNKNOWN: [&str; 3] = ["MethodNotAllowed", "NotImplemented", "UnsupportedArgument"];

/// The answer, or none where there is no such thing as is asked for.
pub(super) fn if_known<T>(answer: Result<T, Failed>) -> Result<Option<T>, Failed> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failed) if failed.is(&UNKNOWN) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// A value as the SDK wants it.
pub(super) fn sdk<F: Facet, T: Wire>(value: &Value) -> Result<T, Failed> {
    sdk_of(F::NAME, value)
}

/// A value of the facet `name` as the SDK wants it.
pub(super) fn sdk_of<T: Wire>(name: &'static str, value: &Value) -> Result<T, Failed> {
    T::of_json(value).ok_or_else(|| Failed {
        call: Call::write(name),
        failure: Failure::Ours(Fault::terminal(
            reasons::INVALID_SPEC,
            format!("spec.{name}: it cannot be said to AWS like this: {value}"),
        )),
    })
}

/// A list by the ids of its items: their order does not matter, and differences name them.
pub(super) fn keyed(list: &Value, compared: impl Fn(&Value) -> Value) -> Value {
    let entry = |item: &Value| {
        let mut compared = compared(item);
        compared.as_object_mut()?.remove("id");
        Some((format!("[{}]", item["id"].as_str()?), compared))
    };
    let items = list.as_array().into_iter().flatten();
    items.filter_map(entry).collect::<Map<_, _>>().into()
}

/// A list in its order, by numbers.
pub(super) fn numbered(list: &Value, compared: impl Fn(&Value) -> Value) -> Value {
    let items = list.as_array().into_iter().flatten().enumerate();
    let entry = |(number, item)| (format!("[{number}]"), compared(item));
    items.map(entry).collect::<Map<_, _>>().into()
}

/// The item with sorted `lists`.
pub(super) fn sorted(item: &Value, lists: &[&str]) -> Value {
    let mut item = item.clone();
    for name in lists {
        if let Some(Value::Array(values)) = item.get_mut(*name) {
            values.sort_by_key(Value::to_string);
            values.dedup();
        }
    }
    item
}

/// The item with the fields of its object `name` in the item itself.
pub(super) fn raise(mut item: Value, name: &str) -> Value {
    if let Some(fields) = item.as_object_mut()
        && let Some(Value::Object(inner)) = fields.remove(name)
    {
        fields.extend(inner);
    }
    item
}

/// The item with these of its fields in an object `name` of their own.
pub(super) fn sink(mut item: Value, name: &str, names: &[&str]) -> Value {
    if let Some(fields) = item.as_object_mut() {
        let inner = names.iter().filter_map(|name| fields.remove_entry(*name));
        let inner: Map<String, Value> = inner.collect();
        if !inner.is_empty() {
            fields.insert(name.to_owned(), inner.into());
        }
    }
    item
}

/// The list with each item changed.
pub(super) fn each(list: &Value, change: impl Fn(Value) -> Value) -> Value {
    let items = list.as_array().into_iter().flatten().cloned();
    items.map(change).collect()
}

/// The item of this id.
pub(in crate::s3bucket) fn item<'a>(list: &'a Value, id: &str) -> Option<&'a Value> {
    let mut items = list.as_array().into_iter().flatten();
    items.find(|item| item["id"] == id)
}

/// The id in the name of a field of a [`keyed`] list: `a` in `metrics[a].prefix`.
pub(super) fn id_of(field: &str) -> Option<&str> {
    let (_, rest) = field.split_once('[')?;
    rest.split_once(']').map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use crd_types::aws::v1alpha1::S3BucketSpec;
    use serde_json::json;

    use super::*;
    use crate::{aws::Refusal, s3bucket::filter::nest};

    /// A spec with rules about these tags only.
    fn about(tags: &Value) -> S3BucketSpec {
        let rule = json!({ "id": "a", "enabled": true, "expiration": { "days": 1 }, "tags": tags });
        let copied = json!({
            "id": "a", "enabled": true, "priority": 1, "tags": tags,
            "destination": { "bucket": "arn:aws:s3:::b" },
        });
        serde_json::from_value(json!({
            "providerRef": { "name": "aws" },
            "bucketName": "data",
            "lifecycleRules": [rule],
            "replication": { "roleARN": "arn:aws:iam::111122223333:role/copy", "rules": [copied] },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_not_known_is_not_there_but_what_is_not_shown_may_be() {
        let refused = |code: &str| Failed {
            call: Call::read("s3:GetBucketAbac"),
            failure: Failure::Refused(Refusal {
                code: Some(code.to_owned()),
                ..Refusal::default()
            }),
        };
        for code in UNKNOWN {
            assert!(
                matches!(if_known::<()>(Err(refused(code))), Ok(None)),
                "{code}"
            );
        }
        for code in ["AccessDenied", "NoSuchBucket", "InternalError"] {
            assert!(if_known::<()>(Err(refused(code))).is_err(), "{code}");
        }
        assert!(matches!(if_known(Ok(1)), Ok(Some(1))));
    }

    #[test]
    fn a_rule_about_a_tag_never_becomes_one_about_the_whole_bucket() {
        for tags in [json!({ "hotfix": "" }), json!({ "prefix": "" })] {
            let spec = about(&tags);
            let replication = spec.replication.as_ref().map(wanted_object).unwrap();
            for rules in [
                &wanted_list(&spec.lifecycle_rules).unwrap(),
                &replication["rules"],
            ] {
                let nested = nest(&rules[0], Some(json!({ "prefix": "" })));
                assert_eq!(nested["filter"], json!({ "tag": tags }), "{nested}");
            }
        }
    }
}
