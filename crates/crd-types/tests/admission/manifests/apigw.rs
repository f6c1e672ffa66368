use crd_types::apigw::v1alpha1::{APIRoute, APIRouteSpec, Backend, BackendSpec};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{admitted, documents};
use crate::{objects::bases, server::Server, twins};

const EXAMPLES: &str = "../../examples/apigw";
const OLDER: &str = "tests/fixtures/apigw";

/// What an operator sends to gateways is the API server's JSON: the types must neither lose nor change any.
fn read_and_written(stored: &Value) -> Value {
    fn again<T: DeserializeOwned + Serialize>(spec: &Value) -> Value {
        let read: T = serde_json::from_value(spec.clone()).unwrap();
        serde_json::to_value(&read).unwrap()
    }
    match stored["kind"].as_str() {
        Some("APIRoute") => again::<APIRouteSpec>(&stored["spec"]),
        Some("Backend") => again::<BackendSpec>(&stored["spec"]),
        kind => panic!("no type for the kind {kind:?}"),
    }
}

/// The same without empty lists and maps, which mean nothing.
fn without_empty(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            let kept = std::mem::take(fields).into_iter();
            let kept = kept.map(|(name, field)| (name, without_empty(field)));
            let is_empty = |field: &Value| field.as_array().is_some_and(Vec::is_empty);
            *fields = kept.filter(|(_, field)| !is_empty(field)).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| {
            *item = without_empty(item.take());
        }),
        _ => {}
    }
    value
}

#[tokio::test]
async fn every_manifest_is_admitted_unchanged_and_read_without_loss() {
    let server = Server::start().await;
    for (file, document) in [documents(EXAMPLES), documents(OLDER)].concat() {
        let name = format!("{} {}", file.display(), document["metadata"]["name"]);
        let stored = admitted(&server, document.clone())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut expected = document["spec"].clone();
        add_defaults(&mut expected, &stored["spec"], "spec");
        assert_eq!(stored["spec"], expected, "{name}");
        twins::accept(&stored).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = without_empty(read_and_written(&stored));
        assert_eq!(again, without_empty(expected), "{name}");
    }
}

/// Adds what the API server added, if it is the default of a field that was left out.
fn add_defaults(written: &mut Value, stored: &Value, path: &str) {
    match (written, stored) {
        (Value::Object(written), Value::Object(stored)) => {
            for (name, stored) in stored {
                let path = format!("{path}.{name}");
                match written.get_mut(name) {
                    Some(written) => add_defaults(written, stored, &path),
                    None => {
                        assert!(is_default(name, &path, stored), "{path} became {stored}");
                        written.insert(name.clone(), stored.clone());
                    }
                }
            }
        }
        (Value::Array(written), Value::Array(stored)) => {
            for (written, stored) in written.iter_mut().zip(stored) {
                add_defaults(written, stored, path);
            }
        }
        _ => {}
    }
}

/// The defaults that the older operator's schema had.
fn is_default(name: &str, path: &str, value: &Value) -> bool {
    match name {
        "enabled" => *value == json!(false),
        "weight" if path == "spec.hosts.weight" => *value == json!(1),
        "weight" | "percentage" => *value == json!(100),
        "attempts" => *value == json!(3),
        "code" => *value == json!(302),
        "store" | "backend" | "type" => *value == json!("memory"),
        "mode" => *value == json!("SIMPLE"),
        "algorithm" => *value == json!("roundRobin"),
        "healthyThreshold" => *value == json!(2),
        "unhealthyThreshold" => *value == json!(3),
        "header" => *value == json!("X-API-Key"),
        "headerName" => *value == json!("Authorization"),
        "headerPrefix" => *value == json!("Bearer"),
        "usernameKey" => *value == json!("username"),
        "passwordKey" => *value == json!("password"),
        "defaultPolicy" => *value == json!("deny"),
        "effect" => *value == json!("allow"),
        "failMode" => *value == json!("all"),
        "maxParallel" => *value == json!(8),
        "strategy" => *value == json!("deep"),
        _ => false,
    }
}

#[tokio::test]
async fn full_objects_are_read_and_written_without_loss() {
    let server = Server::start().await;
    for base in [bases("APIRoute"), bases("Backend")].concat() {
        let stored = server.admit(&base).await.unwrap();
        assert_eq!(read_and_written(&stored), stored["spec"]);
    }
}

#[tokio::test]
async fn weights_that_are_left_out_are_shares_of_the_same_size() {
    let server = Server::start().await;
    let find = |name: &str, kind: &str| {
        let mut documents = documents(OLDER).into_iter().map(|(_, document)| document);
        let found = documents
            .find(|document| document["metadata"]["name"] == name && document["kind"] == kind);
        found.unwrap_or_else(|| panic!("no fixture {name}"))
    };
    let stored = admitted(&server, find("no-weights", "APIRoute"))
        .await
        .unwrap();
    let route: APIRoute = serde_json::from_value(stored).unwrap();
    let weights: Vec<_> = route.spec.route.iter().map(|to| to.weight).collect();
    assert_eq!(weights, [100, 100]);

    let stored = admitted(&server, find("no-weights", "Backend"))
        .await
        .unwrap();
    let backend: Backend = serde_json::from_value(stored).unwrap();
    let weights: Vec<_> = backend.spec.hosts.iter().map(|host| host.weight).collect();
    assert_eq!(weights, [1, 1, 1, 1]);
}

#[test]
fn secrets_are_not_shown() {
    for base in [bases("APIRoute"), bases("Backend")].concat() {
        let mut base = base;
        plant(&mut base["spec"]);
        let shown = match base["kind"].as_str() {
            Some("APIRoute") => format!("{:?}", serde_json::from_value::<APIRoute>(base).unwrap()),
            _ => format!("{:?}", serde_json::from_value::<Backend>(base).unwrap()),
        };
        assert!(!shown.contains("needle"), "{shown}");
    }
}

/// Puts a needle wherever the API has a secret as plain text.
fn plant(value: &mut Value) {
    const SECRETS: [&str; 6] = [
        "password",
        "sentinelPassword",
        "secret",
        "clientSecret",
        "staticToken",
        "Authorization",
    ];
    match value {
        Value::Object(fields) => {
            for name in ["set", "add", "staticHeaders", "customHeaders"] {
                if fields.get(name).is_some_and(Value::is_object) {
                    fields[name]["Authorization"] = "needle".into();
                }
            }
            for (name, field) in fields {
                match field {
                    Value::String(text)
                        if SECRETS.contains(&name.as_str()) || text.starts_with("redis://") =>
                    {
                        *text = "needle".into();
                    }
                    field => plant(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plant),
        _ => {}
    }
}
