//! Objects whose definition changes: stored under an earlier one they stay readable, patchable and deletable, and
//! nothing is lost by going back to it.

mod back;
mod kind;
mod older;

use std::{fs, path::Path};

use futures::{StreamExt, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use self::kind::Kind;
use crate::{
    bounds::edges_of,
    objects::{base_with, bases, json_patch},
    rules::places,
    tree::{Path as Place, nodes},
    trials::trials,
    twins,
};

/// The least spec of a kind, which every definition of it takes.
fn least(kind: &str) -> Value {
    match kind {
        "APIRoute" => {
            json!({ "match": [{ "uri": { "prefix": "/" } }], "route": [{ "destination": { "host": "a", "port": 80 } }] })
        }
        "AWSProvider" => json!({ "region": "eu-central-1" }),
        "Backend" => json!({ "hosts": [{ "address": "a", "port": 80 }] }),
        "S3Bucket" => json!({ "providerRef": { "name": "a" }, "bucketName": "abc" }),
        _ => panic!("no spec of the kind {kind}: add one"),
    }
}

/// An edit of a spec that has nothing to do with the rest of it.
fn edit(kind: &str) -> Value {
    let spec = match kind {
        "APIRoute" => json!({ "timeout": "7s" }),
        "AWSProvider" => json!({ "allowedNamespaces": ["edited"] }),
        "Backend" => json!({ "loadBalancer": { "algorithm": "random" } }),
        "S3Bucket" => json!({ "emptyOnDelete": true }),
        _ => panic!("no edit of the kind {kind}: add one"),
    };
    json!({ "spec": spec })
}

/// The definition that users of the last release have.
fn released(present: &CustomResourceDefinition) -> Option<CustomResourceDefinition> {
    let names = &present.spec.names;
    let file = format!("{}_{}.yaml", present.spec.group, names.plural);
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("released")
        .join(file);
    let text = fs::read_to_string(file).ok()?;
    Some(serde_saphyr::from_str(&text).unwrap())
}

#[tokio::test]
async fn what_the_last_release_stored_lives_on() {
    for present in crd_types::crds() {
        let name = present.spec.names.kind.clone();
        let Some(released) = released(&present) else {
            continue;
        };
        let kind = Kind::like(&present).await;
        kind.install(&released, &least(&name)).await;
        let bases = bases(&name);
        for (index, base) in bases.iter().enumerate() {
            let stored = kind.store(&format!("full-{index}"), &base["spec"], &base["status"]);
            stored.await.unwrap();
        }
        kind.install(&present, &least(&name)).await;
        for index in 0..bases.len() {
            let full = format!("full-{index}");
            twins::accept(&kind.read(&full).await.unwrap()).unwrap();
            kind.label(&full).await.unwrap();
            kind.patch(&full, &edit(&name)).await.unwrap();
            let status = json!({ "ready": false });
            kind.write_status(&full, &status).await.unwrap();
            kind.delete(&full).await.unwrap();
        }
        kind.uninstall().await;
    }
}

/// The same without any rule, bound or required field, as an earlier definition may have been.
fn without_rules(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
    const RULES: [&str; 11] = [
        "x-kubernetes-validations",
        "enum",
        "maxLength",
        "minLength",
        "maxItems",
        "minItems",
        "maxProperties",
        "minProperties",
        "maximum",
        "minimum",
        "required",
    ];
    fn strip(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                // Names of fields are not keywords, and the keys of a list are required.
                let keys = fields.contains_key("x-kubernetes-list-map-keys");
                for rule in RULES {
                    if fields.get(rule).is_some_and(|rule| !rule.is_object()) {
                        fields.remove(rule);
                    }
                }
                if keys {
                    fields["items"]["required"] = fields["x-kubernetes-list-map-keys"].clone();
                }
                for (name, field) in fields {
                    if !(keys && name == "items") {
                        strip(field);
                    } else {
                        let required = field["required"].take();
                        strip(field);
                        field["required"] = required;
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut stripped = serde_json::to_value(definition).unwrap();
    strip(&mut stripped["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    serde_json::from_value(stripped).unwrap()
}

/// Every spec that some rule or bound of a kind refuses, with what refuses it.
fn refused(definition: &CustomResourceDefinition) -> Vec<(String, Value)> {
    let kind = &definition.spec.names.kind;
    let trials = trials();
    let with = |place: &Place, value: &Value| {
        let (mut base, pointer) = base_with(kind, place);
        json_patch(
            base.pointer_mut(&pointer).expect("base_with found it"),
            value,
        );
        base["spec"].take()
    };
    let by_rules = places().into_iter().filter_map(|(of, node, message, _)| {
        let trial = trials.iter().find(|trial| trial.message == message)?;
        let concerns = of == *kind && node.path.to_string().starts_with("spec");
        concerns.then(|| {
            (
                format!("{}: {message}", node.path),
                with(&node.path, &trial.refused),
            )
        })
    });
    let nodes = nodes(definition).into_iter();
    let nodes = nodes.filter(|node| node.path.to_string().starts_with("spec"));
    let by_bounds = nodes.flat_map(|node| {
        let (base, pointer) = base_with(kind, &node.path);
        let value = base.pointer(&pointer).expect("base_with found it");
        let edges = edges_of(&node, value).into_iter().map(|edge| {
            let mut base = base.clone();
            *base.pointer_mut(&pointer).expect("as before") = edge.beyond;
            (
                format!("{}: {}", node.path, edge.bound),
                base["spec"].take(),
            )
        });
        edges.collect::<Vec<_>>()
    });
    by_rules.chain(by_bounds).collect()
}

/// Whatever a rule, a bound or a requirement that is new says of a value which is there already: the object can be
/// read, labelled, deleted and let go, and its status written.
#[tokio::test]
async fn what_no_rule_refused_lives_on_under_every_rule() {
    for present in crd_types::crds() {
        let name = present.spec.names.kind.clone();
        let own = Kind::like(&present).await;
        let kind = &own;
        kind.install(&without_rules(&present), &least(&name)).await;
        let refused = refused(&present);
        assert!(
            refused.len() > 20,
            "{name} has more than {} rules",
            refused.len()
        );
        let stored = |(index, (rule, spec)): (usize, &(String, Value))| {
            let (object, rule, spec) = (format!("refused-{index}"), rule.clone(), spec.clone());
            async move {
                let stored = kind.store(&object, &spec, &Value::Null).await;
                stored
                    .map(|_| (object, rule.clone()))
                    .map_err(|error| format!("{rule}: {error}"))
            }
        };
        let stored: Vec<_> = stream::iter(refused.iter().enumerate())
            .map(stored)
            .buffer_unordered(8)
            .collect()
            .await;
        let (stored, failed): (Vec<_>, Vec<_>) = stored.into_iter().partition(Result::is_ok);
        assert!(failed.is_empty(), "{name}: {failed:#?}");

        kind.install(&present, &least(&name)).await;
        let failures: Vec<String> = stream::iter(stored.into_iter().flatten())
            .map(|(object, rule)| async move {
                lives_on(kind, &object)
                    .await
                    .err()
                    .map(|why| format!("{rule}: {why}"))
            })
            .buffer_unordered(8)
            .filter_map(async |failure| failure)
            .collect()
            .await;
        assert!(failures.is_empty(), "{name}: {failures:#?}");
        own.uninstall().await;
    }
}

async fn lives_on(kind: &Kind, object: &str) -> Result<(), String> {
    kind.read(object).await?;
    kind.label(object)
        .await
        .map_err(|why| format!("label: {why}"))?;
    let status = json!({ "ready": false });
    kind.write_status(object, &status)
        .await
        .map_err(|why| format!("status: {why}"))?;
    kind.delete(object)
        .await
        .map_err(|why| format!("delete: {why}"))
}
