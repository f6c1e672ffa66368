//! Schemas of kinds as files that kubeconform reads, made of what an API server publishes and of definitions.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

/// What the file of a kind is called, in kubeconform's words.
pub const NAMED: &str = "{{ .Group }}_{{ .ResourceAPIVersion }}_{{ .ResourceKind }}.json";

/// The file of all that an API server publishes.
const PUBLISHED: &str = "published.json";
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// Writes the schemas of what an API server serves itself, from its `/openapi/v2`.
///
/// # Errors
/// When it has none, or the folder cannot be written.
pub fn of_server(mut openapi: Value, folder: &Path) -> Result<()> {
    let all = openapi["definitions"]
        .as_object_mut()
        .context("the API server publishes no definitions")?;
    for (name, schema) in &mut *all {
        for kind in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let part = |name: &str| kind[name].as_str().with_context(|| format!("{kind}"));
            let (group, version) = (part("group")?, part("version")?);
            write(folder, group, version, part("kind")?, &published(name))?;
        }
        // It publishes the form that it writes, and reads numbers, too.
        if name == QUANTITY {
            schema["type"] = json!(["string", "number"]);
        }
        close(schema);
    }
    fs::write(
        folder.join(PUBLISHED),
        json!({ "definitions": all }).to_string(),
    )?;
    Ok(())
}

/// Writes the schemas of each version of a definition; they refer to those of a server.
///
/// # Errors
/// When a version has none, or the folder cannot be written.
pub fn of_definition(definition: &CustomResourceDefinition, folder: &Path) -> Result<()> {
    let (group, kind) = (&definition.spec.group, &definition.spec.names.kind);
    for version in &definition.spec.versions {
        let schema = version.schema.as_ref();
        let schema = schema.and_then(|it| it.open_api_v3_schema.as_ref());
        let schema = schema.with_context(|| format!("{kind} {}: no schema", version.name))?;
        let mut schema = json!(schema);
        close(&mut schema);
        // The API server says what these are, whatever a definition says.
        schema["properties"]["apiVersion"] = json!({ "type": "string" });
        schema["properties"]["kind"] = json!({ "type": "string" });
        schema["properties"]["metadata"] = published(METADATA);
        write(folder, group, &version.name, kind, &schema)?;
    }
    Ok(())
}

fn published(name: &str) -> Value {
    json!({ "$ref": format!("{PUBLISHED}#/definitions/{name}") })
}

fn write(folder: &Path, group: &str, version: &str, kind: &str, schema: &Value) -> Result<()> {
    // kubeconform takes `v1` for the group of what has none.
    let group = if group.is_empty() { version } else { group };
    let file = format!("{group}_{version}_{}.json", kind.to_lowercase());
    fs::write(folder.join(&file), schema.to_string()).with_context(|| file)
}

/// Forbids the fields that a schema does not know, in all that it holds, and says in JSON Schema's words what has two types.
fn close(schema: &mut Value) {
    // Some are only `true`.
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if schema
        .get("format")
        .is_some_and(|format| format == "int-or-string")
    {
        schema.insert("type".to_owned(), json!(["integer", "string"]));
    }
    for part in ["items", "additionalProperties"] {
        if let Some(part) = schema.get_mut(part) {
            close(part);
        }
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let Some(properties) = properties else {
        return;
    };
    properties.values_mut().for_each(close);
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if !keeps {
        let closed = schema.entry("additionalProperties");
        closed.or_insert(json!(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schema_does_not_know_is_forbidden_unless_it_lets_it_be() {
        let text = || json!({ "type": "string" });
        let mut schema = json!({ "properties": {
            "list": { "items": { "properties": { "a": text() } } },
            "map": { "additionalProperties": { "properties": { "a": text() } } },
            "kept": { "properties": { "a": text() }, "x-kubernetes-preserve-unknown-fields": true },
            "any": { "type": "object" },
            "port": { "type": "string", "format": "int-or-string" },
            // A field of this name is none of the schema's own words.
            "properties": text(),
        } });
        close(&mut schema);
        assert_eq!(
            schema,
            json!({ "additionalProperties": false, "properties": {
                "list": { "items": { "properties": { "a": text() }, "additionalProperties": false } },
                "map": { "additionalProperties": { "properties": { "a": text() }, "additionalProperties": false } },
                "kept": { "properties": { "a": text() }, "x-kubernetes-preserve-unknown-fields": true },
                "any": { "type": "object" },
                "port": { "type": ["integer", "string"], "format": "int-or-string" },
                "properties": text(),
            } })
        );
    }
}
