//! Manifests that users have: the examples, and those written for the older operators.

mod apigw;
mod aws;

use std::{fs, path::PathBuf};

use serde_json::Value;

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
