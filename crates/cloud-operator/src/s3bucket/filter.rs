//! Which objects a configuration is about. AWS nests it, in a form that depends on how much there is to say; a
//! spec says it flat.

use serde_json::{Map, Value, json};

/// The criteria, but for tags.
const PLAIN: [&str; 4] = [
    "prefix",
    "accessPointARN",
    "objectSizeGreaterThan",
    "objectSizeLessThan",
];

/// Takes what AWS says in `filter` up into the configuration itself.
pub(super) fn flatten(mut configuration: Value) -> Value {
    let Some(fields) = configuration.as_object_mut() else {
        return configuration;
    };
    let filter = fields.remove("filter").unwrap_or_default();
    let mut tags = Map::new();
    for level in [&filter, &filter["and"]] {
        for name in PLAIN {
            if let Some(value) = level.get(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        let many = level["tags"].as_array().into_iter().flatten();
        for tag in many.chain(level.get("tag")).filter_map(Value::as_object) {
            tags.extend(tag.clone());
        }
    }
    if fields.get("prefix").is_some_and(|prefix| prefix == "") {
        fields.remove("prefix");
    }
    if !tags.is_empty() {
        fields.insert("tags".to_owned(), tags.into());
    }
    configuration
}

/// Puts what the configuration says of objects into `filter`, as AWS wants it: one criterion by itself, several
/// under `and`. Without any there is `nothing`.
pub(super) fn nest(configuration: &Value, nothing: Option<Value>) -> Value {
    let mut nested = configuration.clone();
    let Some(fields) = nested.as_object_mut() else {
        return nested;
    };
    let tags = fields.remove("tags").unwrap_or_default();
    let tags: Vec<Value> = tags
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| json!({ key: value }))
        .collect();
    let mut criteria: Map<String, Value> = PLAIN
        .iter()
        .filter_map(|name| fields.remove_entry(*name))
        .collect();
    let filter = match (criteria.len(), tags.as_slice()) {
        (0, []) => nothing,
        (1, []) => Some(criteria.into()),
        (0, [tag]) => Some(json!({ "tag": tag })),
        _ => {
            if !tags.is_empty() {
                criteria.insert("tags".to_owned(), tags.into());
            }
            Some(json!({ "and": criteria }))
        }
    };
    if let Some(filter) = filter {
        fields.insert("filter".to_owned(), filter);
    }
    nested
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amount_of_criteria_goes_there_and_back() {
        for flat in [
            json!({"id": "a"}),
            json!({"id": "a", "prefix": "logs/"}),
            json!({"id": "a", "tags": {"k": "v"}}),
            json!({"id": "a", "tags": {"k": "v", "l": ""}}),
            json!({"id": "a", "objectSizeLessThan": 5}),
            json!({"id": "a", "prefix": "logs/", "tags": {"k": "v"}, "objectSizeGreaterThan": 5}),
        ] {
            let nested = nest(&flat, Some(json!({"prefix": ""})));
            assert!(nested["filter"].is_object(), "{nested}");
            assert_eq!(flatten(nested), flat);
            assert_eq!(flatten(nest(&flat, None)), flat);
        }
    }

    #[test]
    fn one_criterion_stands_alone_and_several_together() {
        let filter = |flat| nest(&flat, None)["filter"].clone();
        assert_eq!(filter(json!({})), Value::Null);
        assert_eq!(filter(json!({"prefix": "a"})), json!({"prefix": "a"}));
        assert_eq!(
            filter(json!({"tags": {"k": "v"}})),
            json!({"tag": {"k": "v"}})
        );
        assert_eq!(
            filter(json!({"prefix": "a", "tags": {"k": "v"}})),
            json!({"and": {"prefix": "a", "tags": [{"k": "v"}]}})
        );
    }

    #[test]
    fn the_older_form_of_a_prefix_is_the_same() {
        assert_eq!(
            flatten(json!({"id": "a", "prefix": "logs/"})),
            json!({"id": "a", "prefix": "logs/"})
        );
        assert_eq!(
            flatten(json!({"id": "a", "prefix": ""})),
            json!({"id": "a"})
        );
    }
}
