//! Which state of an object a write has left: all that its answer is asked for.
//!
//! The shortest form of it is metadata as protobuf (Kubernetes documentation, "API concepts": "Metadata-only fetches" and
//! "Protobuf encoding"). The fields are those of `generated.proto` in k8s.io/apimachinery, `pkg/runtime` and
//! `pkg/apis/meta/v1`.

use std::pin::pin;

use futures::AsyncReadExt;
use http::{HeaderValue, Request, header::ACCEPT};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, Error};
use prost::Message;
use serde::{Deserialize, de::Error as _};

/// A refusal has no metadata, and comes as JSON: kube reads nothing else.
const SHORTEST: HeaderValue = HeaderValue::from_static(
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
     application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
);
/// What is protobuf begins with it.
const MAGIC: &[u8] = b"k8s\0";

/// `runtime.Unknown`, the envelope of whatever is sent as protobuf.
#[derive(Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

/// `PartialObjectMetadata`, or any object.
#[derive(Message, Deserialize)]
struct Object {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Metadata>,
}

/// What of `ObjectMeta` says which object in which state it is.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(string, tag = "5")]
    uid: String,
    #[prost(string, tag = "6")]
    resource_version: String,
}

/// Sends a write. Gives name, namespace, UID and version of the object as it is stored now.
pub(super) async fn stored(
    client: &Client,
    mut write: Request<Vec<u8>>,
) -> kube::Result<ObjectMeta> {
    write.headers_mut().insert(ACCEPT, SHORTEST);
    let mut answer = pin!(client.request_stream(write).await?);
    let mut body = Vec::new();
    answer
        .read_to_end(&mut body)
        .await
        .map_err(|cut| Error::Service(Box::new(cut)))?;
    read(&body).map_err(Error::SerdeError)
}

fn read(body: &[u8]) -> Result<ObjectMeta, serde_json::Error> {
    let object = match body.strip_prefix(MAGIC) {
        Some(envelope) => Envelope::decode(envelope)
            .and_then(|envelope| Object::decode(&*envelope.raw))
            .map_err(serde_json::Error::custom)?,
        None => serde_json::from_slice(body)?,
    };
    let metadata = object.metadata;
    let found = metadata.filter(|it| !it.uid.is_empty() && !it.resource_version.is_empty());
    let Some(found) = found else {
        let missing = "metadata.uid or metadata.resourceVersion is missing";
        return Err(serde_json::Error::custom(missing));
    };
    Ok(ObjectMeta {
        name: Some(found.name),
        namespace: Some(found.namespace),
        uid: Some(found.uid),
        resource_version: Some(found.resource_version),
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protobuf() -> Vec<u8> {
        let metadata = Metadata {
            name: "a".to_owned(),
            namespace: "b".to_owned(),
            uid: "c".to_owned(),
            resource_version: "7".to_owned(),
        };
        let object = Object {
            metadata: Some(metadata),
        };
        let raw = object.encode_to_vec();
        [MAGIC, &Envelope { raw }.encode_to_vec()].concat()
    }

    #[test]
    fn both_forms_say_the_same() {
        let json = br#"{"metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"7","labels":{}}}"#;
        let read = read(json).unwrap();
        assert_eq!(read.uid.as_deref(), Some("c"));
        assert_eq!(read.resource_version.as_deref(), Some("7"));
        assert_eq!(read, super::read(&protobuf()).unwrap());
    }

    #[test]
    fn what_says_nothing_of_an_object_is_no_answer() {
        let cut = &protobuf()[..12];
        let no_version = br#"{"metadata":{"uid":"c"}}"#;
        for body in [cut, no_version, b"{}", b"<html>", b"", MAGIC] {
            assert!(read(body).is_err(), "{body:?}");
        }
    }
}
