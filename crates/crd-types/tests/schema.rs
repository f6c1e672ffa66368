//! What holds for the schema of every kind, and that the committed definitions are these.

use std::{collections::BTreeSet, fs, path::Path};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

#[expect(dead_code, reason = "what only the admission tests need")]
mod tree;

use tree::{Node, nodes};

/// What etcd and a client's last-applied annotation bear with ease.
const LARGEST_DEFINITION: u64 = 200 * 1024;

fn committed() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds"))
}

fn file_of(crd: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural)
}

#[test]
fn the_committed_definitions_are_these() {
    let crds = crd_types::crds();
    for crd in &crds {
        let file = committed().join(file_of(crd));
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let read: CustomResourceDefinition = serde_saphyr::from_str(&text).unwrap();
        assert!(
            read == *crd,
            "{} is out of date: run `cargo xtask gen-crds`",
            file.display()
        );
    }
    let found: BTreeSet<_> = fs::read_dir(committed())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        found,
        crds.iter().map(file_of).collect(),
        "no file of a kind that is gone"
    );
}

#[test]
fn the_committed_definitions_are_small() {
    for crd in crd_types::crds() {
        let size = fs::metadata(committed().join(file_of(&crd))).unwrap().len();
        assert!(
            size <= LARGEST_DEFINITION,
            "{}: {size} bytes",
            file_of(&crd)
        );
    }
}

/// Runs `complaint` on every node of every kind and shows all that it has to say.
fn no_complaints(complaint: impl Fn(&Node) -> Option<&'static str>) {
    let complaints: Vec<_> = crd_types::crds()
        .iter()
        .flat_map(|crd| {
            let kind = crd.spec.names.kind.clone();
            nodes(crd).into_iter().map(move |node| (kind.clone(), node))
        })
        .filter_map(|(kind, node)| {
            complaint(&node).map(|what| format!("{kind} {}: {what}", node.path))
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn everything_is_bounded() {
    no_complaints(|Node { schema, .. }| {
        let has = |key: &str| schema.get(key).is_some();
        match schema["type"].as_str()? {
            "string" if has("enum") || schema["format"] == "date-time" || has("maxLength") => None,
            "string" => Some("a string without maxLength"),
            "array" if has("maxItems") => None,
            "array" => Some("a list without maxItems"),
            "object" if has("additionalProperties") && !has("maxProperties") => {
                Some("a map without maxProperties")
            }
            "integer" if has("minimum") => None,
            "integer" => Some("a number without minimum"),
            _ => None,
        }
    });
}

#[test]
fn every_field_is_explained() {
    no_complaints(|Node { path, schema }| {
        let is_part = path.to_string().ends_with([']', '}']);
        (!is_part && schema["description"].as_str().is_none_or(str::is_empty))
            .then_some("no description")
    });
}

#[test]
fn explanations_are_sentences() {
    no_complaints(|Node { schema, .. }| {
        let text = schema["description"].as_str()?;
        (!text.ends_with(['.', '…'])).then_some("a description that does not end as a sentence")
    });
}

#[test]
fn every_list_says_how_it_merges() {
    no_complaints(|Node { path, schema }| {
        let needs = schema["type"] == "array" && schema["items"]["type"] == "object";
        let says = schema.get("x-kubernetes-list-type").is_some()
            || ORDERED.contains(&path.to_string().as_str());
        (needs && !says).then_some("a list of objects without x-kubernetes-list-type")
    });
}

/// Lists whose order or repetition matters: they are replaced as a whole.
const ORDERED: [&str; 5] = [
    "spec.corsRules",
    "spec.intelligentTiering[].tierings",
    "spec.lifecycleRules[].noncurrentVersionTransitions",
    "spec.lifecycleRules[].transitions",
    "spec.website.routingRules",
];

#[test]
fn the_api_server_knows_every_format() {
    no_complaints(|Node { schema, .. }| {
        let known = ["int32", "int64", "date-time"];
        schema["format"]
            .as_str()
            .is_some_and(|format| !known.contains(&format))
            .then_some("an unknown format")
    });
}
