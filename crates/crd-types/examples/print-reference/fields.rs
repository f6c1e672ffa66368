//! A schema as a list of its fields.

use std::collections::BTreeMap;

use serde_json::Value;

/// A field, and all that the schema says of it.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The way to it from the spec or status, beginning with a dot.
    pub path: String,
    /// Whether it must be there wherever what it stands in is.
    pub required: bool,
    /// Its type.
    pub sort: String,
    /// What it is where it is left out, as JSON.
    pub default: Option<String>,
    /// Each bound, and each rule in the words in which its breach is told.
    pub allowed: Vec<String>,
    /// Its description.
    pub meaning: String,
}

/// The fields below a schema, each after the one that it stands in.
pub fn fields(schema: &Value) -> Vec<Field> {
    let mut rules = BTreeMap::new();
    gather_rules(schema, "", &mut rules);
    let mut fields = Vec::new();
    list(schema, "", &rules, &mut fields);
    fields
}

/// The messages of rules, by the field that they are told about.
type Rules = BTreeMap<String, Vec<String>>;

fn gather_rules(schema: &Value, path: &str, rules: &mut Rules) {
    for rule in items(&schema["x-kubernetes-validations"]) {
        let about = format!("{path}{}", rule["fieldPath"].as_str().unwrap_or_default());
        let message = rule["message"].as_str().unwrap_or_default();
        rules.entry(about).or_default().push(message.to_owned());
    }
    for (path, _, below) in below(schema, path) {
        gather_rules(below, &path, rules);
    }
}

fn list(schema: &Value, path: &str, rules: &Rules, fields: &mut Vec<Field>) {
    for (path, required, below) in below(schema, path) {
        let field = Field {
            required,
            sort: sort(below),
            default: below.get("default").map(Value::to_string),
            allowed: allowed(below, rules.get(&path)),
            meaning: below["description"].as_str().unwrap_or_default().to_owned(),
            path,
        };
        let path = field.path.clone();
        // The list's own type tells what its items are; a row is for what else is said of them.
        let is_each = path.ends_with(EACH[0]) || path.ends_with(EACH[1]);
        if !is_each || !field.allowed.is_empty() || !field.meaning.is_empty() {
            fields.push(field);
        }
        list(below, &path, rules, fields);
    }
}

/// What stands for each item of a list, and for each entry of a map.
const EACH: [&str; 2] = ["[]", ".*"];

/// What stands directly in a value of this schema: its path, whether it must be there, its own schema.
fn below<'a>(schema: &'a Value, path: &str) -> Vec<(String, bool, &'a Value)> {
    let required: Vec<_> = items(&schema["required"])
        .filter_map(Value::as_str)
        .collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let properties = properties.map(|(name, below)| {
        (
            format!("{path}.{name}"),
            required.contains(&name.as_str()),
            below,
        )
    });
    let each = EACH
        .into_iter()
        .zip([&schema["items"], &schema["additionalProperties"]]);
    let each = each.filter(|(_, below)| below.is_object());
    properties
        .chain(each.map(|(step, below)| (format!("{path}{step}"), false, below)))
        .collect()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn sort(schema: &Value) -> String {
    let of = |below: &Value| sort(below);
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => format!("list of {}", of(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", of(&schema["additionalProperties"]))
        }
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some(sort), _) => sort.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

fn allowed(schema: &Value, rules: Option<&Vec<String>>) -> Vec<String> {
    let mut allowed = Vec::new();
    let choices: Vec<_> = items(&schema["enum"])
        .map(|it| {
            format!(
                "`{}`",
                it.as_str().map_or_else(|| it.to_string(), str::to_owned)
            )
        })
        .collect();
    if !choices.is_empty() {
        allowed.push(choices.join(", "));
    }
    for (least, most, of_what) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ] {
        let bound = |name: &str| schema[name].as_f64();
        allowed.extend(match (bound(least), bound(most)) {
            (Some(least), Some(most)) if least == most => Some(format!("{least}{of_what}")),
            (Some(least), Some(most)) => Some(format!("{least} to {most}{of_what}")),
            (Some(least), None) => Some(format!("at least {least}{of_what}")),
            (None, Some(most)) => Some(format!("at most {most}{of_what}")),
            (None, None) => None,
        });
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        allowed.push(format!("matches `{pattern}`"));
    }
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => allowed.push("no item twice".to_owned()),
        Some("map") => {
            let keys: Vec<_> = items(&schema["x-kubernetes-list-map-keys"])
                .filter_map(Value::as_str)
                .collect();
            allowed.push(format!("no two items with the same {}", keys.join(" and ")));
        }
        _ => {}
    }
    allowed.extend(rules.into_iter().flatten().cloned());
    allowed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_a_schema_says_stands_at_the_field_that_it_is_about() {
        let schema = json!({
            "type": "object", "required": ["name"],
            "x-kubernetes-validations": [{ "message": "name them all", "rule": "", "fieldPath": ".tags" }],
            "properties": {
                "name": {
                    "type": "string", "minLength": 3.0, "maxLength": 63.0, "description": "Its name.",
                    "x-kubernetes-validations": [{ "message": "must be short", "rule": "" }],
                },
                "days": { "type": "integer", "minimum": 1.0, "default": 7 },
                "tags": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 8 }, "maxProperties": 2 },
                "rules": {
                    "type": "array", "maxItems": 4, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                    "items": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string", "enum": ["a", "b"] } } },
                },
                "plain": { "type": "array", "items": { "type": "string" } },
                "at": { "type": "string", "format": "date-time" },
            },
        });
        let shown: Vec<_> = fields(&schema)
            .into_iter()
            .map(|it| {
                let required = if it.required { "*" } else { "" };
                let default = it.default.unwrap_or_default();
                format!(
                    "{}{required} {} {default}: {}",
                    it.path,
                    it.sort,
                    it.allowed.join("; ")
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ".at time : ",
                ".days integer 7: at least 1",
                ".name* string : 3 to 63 characters; must be short",
                ".plain list of string : ",
                ".rules list of object : at most 4 items; no two items with the same id",
                ".rules[].id* string : `a`, `b`",
                ".tags map of string : at most 2 entries; name them all",
                ".tags.* string : at most 8 characters",
            ]
        );
    }
}
