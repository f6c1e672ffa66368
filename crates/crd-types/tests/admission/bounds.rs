//! Every bound of every field: the last value within it is admitted, the first beyond it refused.

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

use crate::{
    objects::{base_with, bases},
    server::Server,
    tree::{Node, Path, nodes},
};

/// A bound, the last value within it and the first beyond it.
struct Edge {
    bound: String,
    within: Value,
    beyond: Value,
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
                    .map(|edge| (base.clone(), pointer.clone(), node.path.clone(), edge)),
            );
        }
    }
    assert!(
        edges.len() > 100,
        "the schemas have more than {} bounds",
        edges.len()
    );

    let failures: Vec<String> = stream::iter(edges)
        .map(|(base, pointer, path, edge)| async move {
            try_edge(server, base, &pointer, &path, edge).await.err()
        })
        .buffer_unordered(8)
        .filter_map(async |failure| failure)
        .collect()
        .await;
    assert!(failures.is_empty(), "{failures:#?}");
}

async fn try_edge(
    server: &Server,
    base: Value,
    pointer: &str,
    path: &Path,
    edge: Edge,
) -> Result<(), String> {
    let Edge {
        bound,
        within,
        beyond,
    } = edge;
    let place = format!("{} {path} {bound}", base["kind"]);
    let admit = async |value: Value| {
        let mut object = base.clone();
        *object.pointer_mut(pointer).expect("base_with found it") = value;
        match path.to_string().starts_with("status") {
            true => server.admit_status(&object).await,
            false => server.admit(&object).await,
        }
    };
    admit(within)
        .await
        .map_err(|error| format!("{place}: refused within: {error}"))?;
    match admit(beyond).await {
        Ok(_) => Err(format!("{place}: accepted beyond")),
        Err(error) if error.contains(&path.in_messages()) => Ok(()),
        Err(error) => Err(format!("{place}: does not name the field: {error}")),
    }
}

fn edges_of(node: &Node, value: &Value) -> Vec<Edge> {
    let Node { path, schema } = node;
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
            json!(text(path, most)),
            json!(text(path, most + 1)),
        );
    }
    if let Some(least @ 1..) = size("minLength") {
        add(
            "minLength",
            json!(text(path, least)),
            json!(text(path, least - 1)),
        );
    }
    if let Some(most) = size("maxItems") {
        add("maxItems", list(value, most), list(value, most + 1));
    }
    if let Some(least @ 1..) = size("minItems") {
        add("minItems", list(value, least), list(value, least - 1));
    }
    if let Some(most) = size("maxProperties") {
        add("maxProperties", map(most), map(most + 1));
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
fn text(path: &Path, length: usize) -> String {
    let begun = match path.field() {
        "roleARN" | "assumeRoleARN" => "arn:aws:iam::111122223333:role/",
        "endpoint" => "http://",
        "accountID" => "111122223333",
        "partition" if length > 4 => "aws-",
        "partition" => "aws",
        "allowedMethods" if length > 3 => "DELETE",
        "allowedMethods" => "GET",
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
        Value::String(_) => json!(format!("item-{index}")),
        Value::Object(fields) => {
            let mut fields = fields.clone();
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

fn map(size: usize) -> Value {
    (0..size)
        .map(|index| (format!("key-{index}"), json!("value")))
        .collect::<Map<_, _>>()
        .into()
}
