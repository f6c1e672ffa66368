//! Objects whose definition changes: stored under an earlier one they stay readable, patchable and deletable; and what
//! going back to an earlier one does to them.

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
    tree::{Node, Path as Place, nodes},
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

/// The full objects that the last release does not take, for they say what is new since, as in `S3Bucket 0`. A release
/// empties the list.
const NEW: [&str; 0] = [];

#[tokio::test]
async fn what_the_last_release_stored_lives_on() {
    let (mut tried, mut refused) = (0, Vec::new());
    for present in crd_types::crds() {
        let name = present.spec.names.kind.clone();
        let Some(released) = released(&present) else {
            continue;
        };
        let kind = Kind::like(&present).await;
        kind.install(&released, &least(&name)).await;
        let mut stored = Vec::new();
        for (index, base) in bases(&name).iter().enumerate() {
            let (full, of) = (format!("full-{index}"), format!("{name} {index}"));
            match kind.store(&full, &base["spec"], &base["status"]).await {
                Ok(_) => stored.push(full),
                Err(_) if NEW.contains(&&*of) => refused.push(of),
                Err(why) => panic!("{of} could not be stored under the last release: {why}"),
            }
        }
        kind.install(&present, &least(&name)).await;
        for full in &stored {
            twins::accept(&kind.read(full).await.unwrap()).unwrap();
            kind.patch(full, &edit(&name)).await.unwrap();
            lives_on(&kind, full).await.unwrap();
        }
        tried += 1;
        kind.uninstall().await;
    }
    assert!(tried > 0, "there was a release");
    assert_eq!(refused, NEW, "the last release takes what is listed as new");
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

/// What some definition may have taken and the present one does not.
struct Refused {
    /// Where it stands, and what refuses it.
    rule: String,
    /// The spec that is refused.
    spec: Value,
    /// The same without fault.
    mended: Value,
}

/// What each rule and each requirement of a kind refuses, and lists and maps that are too small: rules may stumble over
/// them.
fn refused(definition: &CustomResourceDefinition) -> Vec<Refused> {
    let kind = &definition.spec.names.kind;
    let trials = trials();
    let is_of_spec = |place: &Place| place.to_string().starts_with("spec");
    let refused = |place: &Place, why: &str, spoil: &dyn Fn(&mut Value)| {
        let (mut base, pointer) = base_with(kind, place);
        let mended = base["spec"].clone();
        spoil(base.pointer_mut(&pointer).expect("base_with found it"));
        Refused {
            rule: format!("{place}: {why}"),
            spec: base["spec"].take(),
            mended,
        }
    };
    let nodes = nodes(definition);
    // Without the keys of its items there is no such list.
    let keys: Vec<String> = nodes
        .iter()
        .flat_map(|Node { path, schema }| {
            let keys = schema["x-kubernetes-list-map-keys"].as_array();
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            keys.map(move |key| format!("{path}[]: required {key}"))
        })
        .collect();
    let mut all = Vec::new();
    for (of, node, message, _) in places() {
        let trial = trials.iter().find(|trial| trial.message == message);
        if let (true, true, Some(trial)) = (of == *kind, is_of_spec(&node.path), trial) {
            let spoil = |value: &mut Value| json_patch(value, &trial.refused);
            all.push(refused(&node.path, &message, &spoil));
        }
    }
    for node in nodes.iter().filter(|node| is_of_spec(&node.path)) {
        let (base, pointer) = base_with(kind, &node.path);
        let edges = edges_of(node, base.pointer(&pointer).expect("base_with found it"));
        for edge in edges {
            let mut wanted = ["required", "minItems", "minProperties"].iter();
            if wanted.any(|it| edge.bound.starts_with(it)) {
                let spoil = |value: &mut Value| *value = edge.beyond.clone();
                all.push(refused(&node.path, &edge.bound, &spoil));
            }
        }
    }
    all.retain(|it| !keys.contains(&it.rule));
    all
}

/// The rules that do not refuse a value but stumble over it. The API server forgives an object what is as it was, but no
/// error in a rule: such an object has to be mended before anything else is written to it. There is no way in CEL to
/// judge a regular expression but to compile it.
const STUMBLING: [&str; 3] = [
    "spec.match[].headers[].regex: must be a regular expression of RE2, which has neither look-around nor back-references",
    "spec.match[].queryParams[].regex: must be a regular expression of RE2, which has neither look-around nor back-references",
    "spec.match[].uri.regex: must be a regular expression of RE2, which has neither look-around nor back-references",
];

/// Whether a rule read a required field that is not there. No object is without one: none was ever made required.
fn lacks_what_always_was(rule: &str, why: &str) -> bool {
    rule.contains(": required ") && why.contains("no such key")
}

/// Whatever a rule or a requirement that is new says of a value which is there already: the object can be read,
/// labelled, deleted and let go, and its status written.
#[tokio::test]
async fn what_no_rule_refused_lives_on_under_every_rule() {
    let mut stumbled = Vec::new();
    for present in crd_types::crds() {
        let name = present.spec.names.kind.clone();
        let own = Kind::like(&present).await;
        let kind = &own;
        kind.install(&without_rules(&present), &least(&name)).await;
        let refused = refused(&present);
        assert!(
            refused.len() > 20,
            "{name} refuses more than {}",
            refused.len()
        );
        let named = refused.iter().enumerate();
        let named = named.map(|(index, it)| (format!("refused-{index}"), it));
        let named: Vec<_> = named.collect();
        stream::iter(&named)
            .for_each_concurrent(8, |(object, it)| async move {
                let stored = kind.store(object, &it.spec, &Value::Null).await;
                stored.unwrap_or_else(|why| panic!("{}: {why}", it.rule));
            })
            .await;

        kind.install(&present, &least(&name)).await;
        let failures: Vec<(&str, String)> = stream::iter(&named)
            .map(|(object, it)| async move {
                let why = lives_on(kind, object).await.err()?;
                if lacks_what_always_was(&it.rule, &why) {
                    return None;
                }
                let mended = json!({ "spec": it.mended });
                let again = match kind.patch(object, &mended).await {
                    Ok(_) => lives_on(kind, object).await,
                    Err(why) => Err(why),
                };
                again.unwrap_or_else(|why| panic!("mended, {}: {why}", it.rule));
                Some((&*it.rule, why))
            })
            .buffer_unordered(8)
            .filter_map(async |failure| failure)
            .collect()
            .await;
        let failures = failures.into_iter();
        let (known, new): (Vec<_>, Vec<_>) =
            failures.partition(|(rule, _)| STUMBLING.contains(rule));
        assert!(new.is_empty(), "{name}: {new:#?}");
        stumbled.extend(known.into_iter().map(|(rule, _)| rule.to_owned()));
        own.uninstall().await;
    }
    stumbled.sort();
    assert_eq!(stumbled, STUMBLING);
}

/// What has to be possible whatever a spec holds.
async fn lives_on(kind: &Kind, object: &str) -> Result<(), String> {
    let at = |what: &'static str| move |why: String| format!("{what}: {why}");
    kind.read(object).await?;
    kind.label(object).await.map_err(at("label"))?;
    let status = json!({ "ready": false });
    kind.write_status(object, &status)
        .await
        .map_err(at("status"))?;
    kind.delete(object).await.map_err(at("delete"))
}
