//! `values.schema.json`: what Helm lets pass, so that a typo is an error.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::values::{Entry, Fields, Shape};

/// The schema of all values of a chart whose operator has these feature gates.
///
/// # Errors
/// Where a value does not say what is allowed.
pub fn of(fields: &Fields, gates: &[String]) -> Result<Value> {
    let mut schema = group(fields, gates)?;
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["additionalProperties"] = json!(false);
    Ok(schema)
}

fn group(fields: &Fields, gates: &[String]) -> Result<Value> {
    let mut properties = Map::new();
    for (name, entry) in &fields.0 {
        properties.insert(name.clone(), one(entry, gates)?);
    }
    Ok(json!({ "type": "object", "properties": properties }))
}

fn one(entry: &Entry, gates: &[String]) -> Result<Value> {
    let mut schema = match &entry.fields {
        Some(fields) => {
            let mut schema = group(fields, gates)?;
            schema["additionalProperties"] = json!(entry.open);
            schema
        }
        None => leaf(entry, gates)?,
    };
    schema["description"] = json!(entry.text);
    Ok(schema)
}

/// A name as most objects have it.
const NAME: &str = "[a-z0-9]([a-z0-9.-]*[a-z0-9])?";
/// The name of a namespace.
const LABEL: &str = "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
/// A quantity, not negative.
const QUANTITY: &str = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]+|E[0-9]+)?$";

fn leaf(entry: &Entry, gates: &[String]) -> Result<Value> {
    Ok(match entry.shape()? {
        Shape::Text if entry.one_of.is_empty() => match &entry.pattern {
            Some(wanted) => pattern(&format!("^({wanted})?$")),
            None => json!({ "type": "string" }),
        },
        Shape::Text => {
            // Nothing may be said where nothing is.
            let nothing = (entry.default == "").then(String::new);
            json!({ "enum": entry.one_of.iter().cloned().chain(nothing).collect::<Vec<_>>() })
        }
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count => count(entry.least.unwrap_or(0), entry.most),
        Shape::Duration => pattern(r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"),
        Shape::Interval => json!({
            "type": "string", "minLength": 1,
            "pattern": "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
        }),
        Shape::Port => count(1, Some(65535)),
        // As a Service is named, less what is put after it.
        Shape::Label => {
            json!({ "type": "string", "pattern": "^([a-z]([a-z0-9-]*[a-z0-9])?)?$", "maxLength": 40 })
        }
        Shape::Name => {
            json!({ "type": "string", "pattern": format!("^({NAME})?$"), "maxLength": 253 })
        }
        Shape::Digest => pattern("^(sha256:[0-9a-f]{64})?$"),
        Shape::Texts => list(json!({ "type": "string" })),
        Shape::Names => {
            let wanted = entry.pattern.as_deref().unwrap_or("[^,]+");
            list(pattern(&format!("^{wanted}$")))
        }
        Shape::Namespaces => list(label()),
        Shape::Map => map(json!({ "type": "string" })),
        Shape::Object => json!({ "type": "object" }),
        Shape::Objects => list(json!({ "type": "object" })),
        Shape::Probe => probe(),
        Shape::Resources => resources(),
        Shape::References => list(named(&[("name", name())], &["name"])),
        Shape::Accounts => list(located(&["namespace", "name"])),
        Shape::Secrets => list(located(&["name"])),
        Shape::Gates => {
            let gates = gates
                .iter()
                .map(|gate| (gate.as_str(), json!({ "type": "boolean" })));
            named(&gates.collect::<Vec<_>>(), &[])
        }
        Shape::Share => {
            json!({ "type": ["integer", "string", "null"], "minimum": 0, "pattern": "^(100|[0-9]{1,2})%$" })
        }
    })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn count(least: u64, most: Option<u64>) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": least });
    if let Some(most) = most {
        schema["maximum"] = json!(most);
    }
    schema
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn map(values: Value) -> Value {
    json!({ "type": "object", "additionalProperties": values })
}

/// An object with these members and no others.
fn named(members: &[(&str, Value)], required: &[&str]) -> Value {
    let members = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let members: Map<_, _> = members.collect();
    json!({
        "type": "object", "properties": members, "required": required, "additionalProperties": false,
    })
}

fn name() -> Value {
    json!({ "type": "string", "pattern": format!("^{NAME}$"), "maxLength": 253 })
}

fn label() -> Value {
    json!({ "type": "string", "pattern": format!("^{LABEL}$"), "maxLength": 63 })
}

/// An object that is known by namespace and name.
fn located(required: &[&str]) -> Value {
    named(&[("namespace", label()), ("name", name())], required)
}

/// The question itself is the chart's.
fn probe() -> Value {
    let members = [
        ("initialDelaySeconds", 0),
        ("periodSeconds", 1),
        ("timeoutSeconds", 1),
        ("successThreshold", 1),
        ("failureThreshold", 1),
    ];
    named(
        &members.map(|(name, least)| (name, count(least, None))),
        &[],
    )
}

fn resources() -> Value {
    let quantity = json!({ "type": ["string", "number"], "pattern": QUANTITY, "minimum": 0 });
    let members = ["requests", "limits"].map(|name| (name, map(quantity.clone())));
    named(&members, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_told_is_allowed() {
        let fields: Fields = serde_saphyr::from_str(
            "group: { text: G., fields: { port: { text: P., default: 1, shape: port } } }\n\
             global: { text: G., open: true, fields: {} }\n\
             gates: { text: G., default: {}, shape: gates }\n\
             level: { text: L., default: info, one_of: [info, debug] }\n\
             sampler: { text: S., default: '', one_of: [all] }\n",
        )
        .unwrap();
        let schema = of(&fields, &["Traces".to_owned()]).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        let properties = &schema["properties"];
        assert_eq!(properties["group"]["additionalProperties"], false);
        assert_eq!(properties["group"]["properties"]["port"]["maximum"], 65535);
        assert_eq!(properties["global"]["additionalProperties"], true);
        assert_eq!(
            properties["gates"]["properties"]["Traces"]["type"],
            "boolean"
        );
        assert_eq!(properties["level"]["enum"], json!(["info", "debug"]));
        assert_eq!(properties["sampler"]["enum"], json!(["all", ""]));
    }

    #[test]
    fn texts_have_their_pattern() {
        let fields: Fields = serde_saphyr::from_str(
            "one: { text: O., default: '', pattern: '[a-z]+' }\n\
             some: { text: S., default: [], shape: names, pattern: '[a-z]+' }\n",
        )
        .unwrap();
        let properties = &of(&fields, &[]).unwrap()["properties"];
        assert_eq!(properties["one"]["pattern"], "^([a-z]+)?$");
        assert_eq!(properties["some"]["items"]["pattern"], "^[a-z]+$");
    }

    #[test]
    fn numbers_have_their_range() {
        let fields: Fields = serde_saphyr::from_str(
            "any: { text: A., default: 1 }\nsome: { text: S., default: 1, least: 1, most: 9 }\n",
        )
        .unwrap();
        let properties = &of(&fields, &[]).unwrap()["properties"];
        assert_eq!(properties["any"]["minimum"], 0);
        assert_eq!(properties["any"]["maximum"], Value::Null);
        assert_eq!(properties["some"]["minimum"], 1);
        assert_eq!(properties["some"]["maximum"], 9);
    }
}
