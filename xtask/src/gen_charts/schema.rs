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

fn leaf(entry: &Entry, gates: &[String]) -> Result<Value> {
    let list = |items: Value| json!({ "type": "array", "items": items });
    let named = |required: &[&str], optional: &[&str]| {
        let properties: Map<_, _> = required
            .iter()
            .chain(optional)
            .map(|name| {
                (
                    (*name).to_owned(),
                    json!({ "type": "string", "minLength": 1 }),
                )
            })
            .collect();
        json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        })
    };
    Ok(match entry.shape()? {
        Shape::Text if entry.one_of.is_empty() => json!({ "type": "string" }),
        Shape::Text => json!({ "enum": entry.one_of }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::Duration => {
            json!({ "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$" })
        }
        Shape::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        // As a Service is named, less what is put after it.
        Shape::Label => {
            json!({ "type": "string", "pattern": "^([a-z]([a-z0-9-]*[a-z0-9])?)?$", "maxLength": 40 })
        }
        Shape::Digest => json!({ "type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$" }),
        Shape::Names => list(json!({ "type": "string" })),
        Shape::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Object => json!({ "type": "object" }),
        Shape::Objects => list(json!({ "type": "object" })),
        Shape::References => list(named(&["name"], &[])),
        Shape::Accounts => list(named(&["namespace", "name"], &[])),
        Shape::Secrets => list(named(&["name"], &["namespace"])),
        Shape::Gates => {
            let gates = gates
                .iter()
                .map(|gate| (gate.clone(), json!({ "type": "boolean" })));
            let gates: Map<_, _> = gates.collect();
            json!({ "type": "object", "properties": gates, "additionalProperties": false })
        }
        Shape::Share => {
            json!({ "type": ["integer", "string", "null"], "minimum": 0, "pattern": "^[0-9]+%$" })
        }
    })
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
             level: { text: L., default: info, one_of: [info, debug] }\n",
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
    }
}
