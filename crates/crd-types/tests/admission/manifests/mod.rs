//! Manifests that users have: the examples, and those written for the older operators.

mod apigw;
mod aws;

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value, to_value};

use crate::server::Server;

pub fn documents(folder: &str) -> Vec<(PathBuf, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let documents: Vec<_> = files
        .into_iter()
        .flat_map(|file| {
            let read: Vec<Value> =
                serde_saphyr::from_multiple(&fs::read_to_string(&file).unwrap()).unwrap();
            read.into_iter()
                .map(move |document| (file.clone(), document))
        })
        .collect();
    assert!(!documents.is_empty(), "no manifest in {}", folder.display());
    documents
}

/// The object that the API server would store, in the test's own namespace.
pub async fn admitted(server: &Server, mut document: Value) -> Result<Value, String> {
    document["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("namespace");
    server.admit(&document).await
}

const EXAMPLES: [&str; 2] = ["../../examples/apigw", "../../examples/aws"];

#[test]
fn every_field_of_a_spec_stands_in_an_example() {
    let documents = EXAMPLES.map(documents).concat();
    for crd in crd_types::crds() {
        let kind = crd.spec.names.kind.as_str();
        let of_kind = documents.iter().filter(|(_, it)| it["kind"] == kind);
        let shown: BTreeSet<_> = of_kind
            .flat_map(|(_, it)| it["spec"].as_object().unwrap().keys())
            .collect();
        let schema = to_value(&crd.spec.versions[0].schema).unwrap();
        let fields = &schema["openAPIV3Schema"]["properties"]["spec"]["properties"];
        for (name, field) in fields.as_object().unwrap() {
            let text = field["description"].as_str().unwrap();
            assert!(
                shown.contains(name) || text.starts_with("Deprecated"),
                "{kind}: spec.{name}"
            );
        }
    }
}

#[test]
fn every_example_is_listed() {
    let list = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/README.md");
    let list = fs::read_to_string(list).unwrap();
    for (file, _) in EXAMPLES.map(documents).concat() {
        let [name, folder] = [Some(file.as_path()), file.parent()]
            .map(|part| part.unwrap().file_name().unwrap().to_str().unwrap());
        let link = format!("| [{name}]({folder}/{name}) | ");
        assert!(list.contains(&link), "{link}");
    }
}

#[tokio::test]
async fn every_example_can_be_applied() {
    let server = Server::start().await;
    let documents = EXAMPLES.map(documents).concat();
    for (number, (file, mut document)) in documents.into_iter().enumerate() {
        // Examples use names again: here each is an object of its own, in the test's namespace.
        let metadata = document["metadata"].as_object_mut().unwrap();
        metadata.remove("namespace");
        metadata.insert("name".into(), format!("example-{number}").into());
        let stored = server.try_store(&document).await;
        let stored = stored.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(stored["metadata"]["uid"].is_string(), "{stored}");
    }
}
