//! Every bound of every field: the last value within it is admitted, the first beyond it refused.

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

use crate::{
    objects::{base_with, bases, bases_with},
    server::Server,
    tree::{Node, Path, nodes},
};

/// A bound, the last value within it and the first beyond it.
pub struct Edge {
    pub bound: String,
    pub within: Value,
    pub beyond: Value,
}

#[tokio::test]
async fn every_bound_is_where_the_schema_says() {
    let server = &Server::start().await;
    let mut edges = Vec::new();
    for crd in crd_types::crds() {
        let kind = crd.spec.names.kind.clone();
        server.store(&bases(&kind)[0]).await;
        for node in nodes(&crd) {
            let (base, pointer) = base_with(&kind, &node.path);
            let value = base.pointer(&pointer).expect("base_with found it").clone();
            edges.extend(
                edges_of(&node, &value)
                    .into_iter()
                    .map(|edge| (kind.clone(), node.path.clone(), edge)),
            );
        }
    }
    assert!(
        edges.len() > 100,
        "the schemas have more than {} bounds",
        edges.len()
    );

    let failures: Vec<String> = stream::iter(edges)
        .map(|(kind, path, edge)| async move { try_edge(server, &kind, &path, edge).await.err() })
        .buffer_unordered(8)
        .filter_map(async |failure| failure)
        .collect()
        .await;
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Tries both values in the first object in which the one within the bound breaks no rule.
async fn try_edge(server: &Server, kind: &str, path: &Path, edge: Edge) -> Result<(), String> {
    let Edge {
        bound,
        within,
        beyond,
    } = edge;
    let place = format!("{kind} {path} {bound}");
    // An item without its key has no place of its own in the messages.
    let named = path.in_messages();
    let named = named.strip_suffix("[0]").unwrap_or(&named);
    let admit = async |base: &Value, pointer: &str, value: &Value| {
        let mut object = base.clone();
        *object.pointer_mut(pointer).expect("the base has it") = value.clone();
        match path.to_string().starts_with("status") {
            true => server.admit_status(&object).await,
            false => server.admit(&object).await,
        }
    };
    let mut refusal = String::new();
    for (base, pointer) in bases_with(kind, path) {
        if let Err(error) = admit(&base, &pointer, &within).await {
            refusal = error;
            continue;
        }
        return match admit(&base, &pointer, &beyond).await {
            Ok(_) => Err(format!("{place}: accepted beyond")),
            Err(error) if error.contains(named) => Ok(()),
            Err(error) => Err(format!("{place}: does not name the field: {error}")),
        };
    }
    Err(format!("{place}: refused within: {refusal}"))
}

pub fn edges_of(node: &Node, value: &Value) -> Vec<Edge> {
    let Node { schema, .. } = node;
    let mut edges = Vec::new();
    let mut add = |bound: &str, within: Value, beyond: Value| {
        edges.push(Edge {
            bound: bound.into(),
            within,
            beyond,
        })
    };
    let size = |bound: &str| schema[bound].as_u64().map(|size| size as usize);

    if let Some(most) = size("maxLength") {
        add(
            "maxLength",
            json!(text(node, most)),
            json!(text(node, most + 1)),
        );
    }
    if let Some(least @ 1..) = size("minLength") {
        add(
            "minLength",
            json!(text(node, least)),
            json!(text(node, least - 1)),
        );
    }
    if let Some(most) = size("maxItems") {
        add("maxItems", list(value, most), list(value, most + 1));
    }
    if let Some(least @ 1..) = size("minItems") {
        add("minItems", list(value, least), list(value, least - 1));
    }
    if let Some(most) = size("maxProperties") {
        add("maxProperties", map(value, most), map(value, most + 1));
    }
    if let Some(least) = schema["minimum"].as_f64() {
        add("minimum", json!(least as i64), json!(least as i64 - 1));
    }
    if let Some(most) = schema["maximum"].as_f64() {
        add("maximum", json!(most as i64), json!(most as i64 + 1));
    }
    for choice in schema["enum"].as_array().into_iter().flatten() {
        add("enum", choice.clone(), json!("Nonsense"));
    }
    for field in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let mut without = value.clone();
        without
            .as_object_mut()
            .expect("only objects require fields")
            .remove(field);
        add(&format!("required {field}"), value.clone(), without);
    }
    edges
}

/// A text of a length, as far as there is one, that breaks no other rule of its field.
fn text(node: &Node, length: usize) -> String {
    let rule = &node.schema["x-kubernetes-validations"][0]["message"];
    if rule
        .as_str()
        .is_some_and(|rule| rule.starts_with("must be a duration"))
    {
        return format!("{}s", "1".repeat(length - 1));
    }
    if node.path.field() == "policy" {
        let inside = "a".repeat(length.saturating_sub(2));
        return format!("{{{inside}}}").chars().take(length).collect();
    }
    let begun = match node.path.field() {
        "arn" | "bucket" | "accessPointARN" => "arn:aws:s:::",
        "ignore" => "acl.",
        "date" => "2030-12-31",
        "roleARN" | "assumeRoleARN" => "arn:aws:iam::111122223333:role/",
        "endpoint" => "http://",
        "accountID" | "expectedAccountID" => "111122223333",
        "policyARNs" => "arn:aws:iam::aws:policy/",
        "tokenFile" => "/",
        "partition" if length > 4 => "aws-",
        "partition" => "aws",
        "allowedMethods" if length > 3 => "DELETE",
        "allowedMethods" => "GET",
        "allowMethods" | "methods" if length > 3 => "OPTIONS",
        "allowMethods" | "methods" => "*",
        _ => "",
    };
    begun
        .chars()
        .chain(std::iter::repeat('a'))
        .take(length)
        .collect()
}

/// A list of `length` different items like the first of `value`.
fn list(value: &Value, length: usize) -> Value {
    let methods = ["GET", "PUT", "HEAD", "POST", "DELETE"];
    let like = |item: &Value, index: usize| match item {
        Value::String(text) if methods.contains(&text.as_str()) => {
            json!(methods[index % methods.len()])
        }
        Value::String(text) if text.starts_with("tags.") || text.starts_with("arn:") => {
            json!(format!("{text}{index}"))
        }
        Value::String(_) => json!(format!("item-{index}")),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            if fields.contains_key("accessTier") {
                let tiers = ["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"];
                fields.insert("accessTier".into(), json!(tiers[index % tiers.len()]));
            }
            for key in ["id", "name", "type"] {
                if fields.contains_key(key) {
                    fields.insert(key.into(), json!(format!("item-{index}")));
                }
            }
            Value::Object(fields)
        }
        other => other.clone(),
    };
    (0..length).map(|index| like(&value[0], index)).collect()
}

/// A map of `size` entries like the first of `value`.
fn map(value: &Value, size: usize) -> Value {
    let entries = value
        .as_object()
        .expect("only maps have a number of entries");
    let entry = entries.values().next().expect("base_with found one");
    (0..size)
        .map(|index| (format!("key-{index}"), entry.clone()))
        .collect::<Map<_, _>>()
        .into()
}
