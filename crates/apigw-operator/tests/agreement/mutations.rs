//! Whatever is done to a spec: what the operator lets through, the gateway takes.

use std::collections::BTreeSet;

use gateway::Kind;
use kube::CustomResourceExt;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    verdicts::{agree, compiled},
    whole,
};

/// Pointers to everything below a value.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, into: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), value))
                .collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(at, value)| (at.to_string(), value))
                .collect(),
            _ => return,
        };
        for (step, child) in children {
            let pointer = format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"));
            into.push(pointer.clone());
            walk(child, &pointer, into);
        }
    }
    let mut all = Vec::new();
    walk(value, "", &mut all);
    all
}

/// Values on both sides of every bound that there is.
fn values() -> Vec<Value> {
    vec![
        json!(false),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(100),
        json!(101),
        json!(304),
        json!(600),
        json!(65_535),
        json!(65_536),
        json!(1.5),
        json!(""),
        json!("*"),
        json!("a b"),
        json!("a_b"),
        json!("(a{40}){40}"),
        json!("("),
        json!("\\p{Klingon}"),
        json!("0s"),
        json!("-1s"),
        json!("2600000h"),
        json!("http://a:b"),
        json!("https://a/%2"),
        json!("TLS13"),
        json!("TLS12"),
        json!("memory"),
        json!("static"),
        json!("basic"),
        json!("mtls"),
        json!("SIMPLE"),
        json!([]),
        json!({}),
        Value::Null,
    ]
}

/// A change at a pointer: another value, none where it is null.
fn change(spec: &mut Value, pointer: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            if let Some(place) = spec.pointer_mut(pointer) {
                *place = value;
            }
        }
        None => {
            let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
            match spec.pointer_mut(parent) {
                Some(Value::Object(fields)) => drop(fields.remove(last)),
                Some(Value::Array(items)) => {
                    let at = last.parse().unwrap_or(usize::MAX);
                    if at < items.len() {
                        items.remove(at);
                    }
                }
                _ => {}
            }
        }
    }
}

fn specs() -> [(Kind, Value); 2] {
    [
        (Kind::ApiRoute, whole::route()),
        (Kind::Backend, whole::backend()),
    ]
}

#[test]
fn one_change_anywhere() {
    for (kind, spec) in specs() {
        let (mut sent, mut left_out) = (0, 0);
        for pointer in pointers(&spec) {
            for value in values().into_iter().map(Some).chain([None]) {
                let mut changed = spec.clone();
                change(&mut changed, &pointer, value.clone());
                match agree(kind, &changed) {
                    Ok(true) => sent += 1,
                    Ok(false) => left_out += 1,
                    Err(why) => panic!("{pointer} as {value:?}: {why}"),
                }
            }
        }
        assert!(sent > 300 && left_out > 300, "{kind:?}: {sent} {left_out}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn several_changes_at_once(
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..6),
        of_backend: bool,
    ) {
        let [route, backend] = specs();
        let (kind, mut spec) = if of_backend { backend } else { route };
        let values = values();
        for (pointer, value, removes) in changes {
            let pointers = pointers(&spec);
            if pointers.is_empty() {
                break;
            }
            let value = (!removes).then(|| values[value.index(values.len())].clone());
            let pointer = &pointers[pointer.index(pointers.len())];
            change(&mut spec, pointer, value);
        }
        prop_assert!(agree(kind, &spec).is_ok(), "{:?}", agree(kind, &spec));
    }
}

/// Pointers to every duration that a definition knows, with a star for every item of a list.
fn durations(kind: Kind) -> BTreeSet<String> {
    fn walk(schema: &Value, at: &str, into: &mut BTreeSet<String>) {
        let rules = schema["x-kubernetes-validations"].to_string();
        if schema["type"] == "string" && rules.contains("ns|us|ms|s|m|h") {
            into.insert(at.to_owned());
        }
        if let Some(fields) = schema["properties"].as_object() {
            fields
                .iter()
                .for_each(|(name, schema)| walk(schema, &format!("{at}/{name}"), into));
        }
        if schema["items"].is_object() {
            walk(&schema["items"], &format!("{at}/*"), into);
        }
    }
    let definition = match kind {
        Kind::Backend => crd_types::apigw::v1alpha1::Backend::crd(),
        _ => crd_types::apigw::v1alpha1::APIRoute::crd(),
    };
    let definition = serde_json::to_value(definition).expect("a definition");
    let mut all = BTreeSet::new();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    walk(&schema["properties"]["spec"], "", &mut all);
    all
}

#[test]
fn no_duration_is_overlooked() {
    for (kind, spec) in specs() {
        let durations = durations(kind);
        assert!(
            durations.contains("/rateLimit/redis/retry/maxBackoff"),
            "{durations:?}"
        );
        for duration in durations {
            let pointer = duration.replace('*', "0");
            let found = spec.pointer(&pointer);
            assert!(
                found.is_some(),
                "{kind:?} has none at {pointer} to be made too long"
            );
            let mut changed = spec.clone();
            change(&mut changed, &pointer, Some(json!("2600000h")));
            let told = compiled(kind, &changed)
                .expect("readable")
                .expect_err(&pointer);
            assert!(told.why.contains("292 years"), "{told}");
            let field = pointer.replace("/0", "[0]").replace('/', ".");
            assert_eq!(told.path, format!("spec{field}"));
        }
    }
}
