//! An object that is written and read again is the same object: caches keep objects so.

use std::fmt::Debug;

use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    aws::v1alpha1::{AWSProvider, S3Bucket},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

use crate::{manifests::documents, objects::bases};

/// What a fixture or an example leaves to the API server.
fn stored(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    metadata.extend([
        ("uid".to_owned(), json!("0b6c8c1e")),
        ("resourceVersion".to_owned(), json!("7")),
        (
            "creationTimestamp".to_owned(),
            json!("2026-01-02T03:04:05Z"),
        ),
        ("finalizers".to_owned(), json!(["a/b"])),
        ("labels".to_owned(), json!({ "a": "" })),
    ]);
    object
}

fn is_itself_again<K: Serialize + DeserializeOwned + Debug>(object: Value) {
    let read: K = from_value(object).expect("an object of the kind");
    let written = to_value(&read).expect("it can be written");
    let again: K = from_value(written.clone()).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{read:?}"));
    assert_eq!(to_value(&again).expect("it can be written"), written);
}

/// The bases have every field of their kinds, and the older manifests what newer rules refuse.
#[test]
fn what_is_written_and_read_again_is_the_same() {
    let folders = ["tests/fixtures/aws", "tests/fixtures/apigw"];
    let manifests = folders.map(documents).concat().into_iter();
    let manifests = manifests.map(|(_, document)| document);
    let kinds = ["APIRoute", "AWSProvider", "Backend", "S3Bucket"];
    let mut tried = [0; 4];
    for object in kinds.into_iter().flat_map(bases).chain(manifests) {
        let Some(kind) = kinds.iter().position(|kind| object["kind"] == *kind) else {
            continue;
        };
        tried[kind] += 1;
        let object = stored(object);
        match kinds[kind] {
            "APIRoute" => is_itself_again::<APIRoute>(object),
            "AWSProvider" => is_itself_again::<AWSProvider>(object),
            "Backend" => is_itself_again::<Backend>(object),
            _ => is_itself_again::<S3Bucket>(object),
        }
    }
    assert!(tried.iter().all(|tried| *tried > 1), "{tried:?}");
}
