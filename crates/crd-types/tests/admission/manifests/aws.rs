use crd_types::aws::v1alpha1::{
    AWSProvider, Credentials, EncryptionAlgorithm, PublicAccessBlock, S3Bucket,
};
use serde_json::Value;

use super::{admitted, documents};
use crate::{server::Server, twins};

#[tokio::test]
async fn every_example_is_admitted() {
    let server = Server::start().await;
    for (file, document) in documents("../../examples/aws") {
        let stored = admitted(&server, document)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if stored["kind"] != "Secret" {
            twins::accept(&stored).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}

#[tokio::test]
async fn every_older_manifest_is_admitted_unchanged() {
    let server = Server::start().await;
    for (file, document) in documents("tests/fixtures/aws") {
        let name = format!("{} {}", file.display(), document["metadata"]["name"]);
        let mut expected = document["spec"].clone();
        // The schema's defaults say what leaving out has always meant.
        if let Some(block) = expected
            .get_mut("publicAccessBlock")
            .and_then(Value::as_object_mut)
        {
            for guard in [
                "blockPublicAcls",
                "ignorePublicAcls",
                "blockPublicPolicy",
                "restrictPublicBuckets",
            ] {
                block.entry(guard).or_insert(false.into());
            }
        }
        if let Some(encryption) = expected
            .get_mut("encryption")
            .and_then(Value::as_object_mut)
        {
            encryption.insert("bucketKeyEnabled".into(), false.into());
        }
        let stored = admitted(&server, document)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(stored["spec"], expected, "{name}");
        twins::accept(&stored).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn older<K: serde::de::DeserializeOwned>(name: &str) -> K {
    let (_, document) = documents("tests/fixtures/aws")
        .into_iter()
        .find(|(_, document)| document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no fixture {name}"));
    serde_json::from_value(document).unwrap()
}

#[test]
fn older_providers_mean_what_they_meant() {
    let credentials = |name| {
        format!(
            "{:?}",
            older::<AWSProvider>(name).spec.credentials().unwrap()
        )
    };
    assert!(credentials("by-role").starts_with("WebIdentity"));
    assert!(credentials("by-secret").starts_with("Secret"));
    assert_eq!(
        older::<AWSProvider>("by-environment").spec.credentials(),
        Ok(Credentials::Ambient)
    );

    let pair = older::<AWSProvider>("by-key-pair").spec;
    let Ok(Credentials::Keys {
        access_key_id,
        secret_access_key,
    }) = pair.credentials()
    else {
        panic!("no pair of keys");
    };
    assert_eq!(access_key_id.key.as_str(), "access-key-id");
    assert_eq!(secret_access_key.key.as_str(), "secret_access.key");

    let hop = older::<AWSProvider>("by-secret")
        .spec
        .assumed_roles()
        .unwrap()
        .remove(0);
    assert_eq!(
        hop.role_arn.as_str(),
        "arn:aws:iam::444455556666:role/tenant"
    );
    assert_eq!(hop.external_id.unwrap().as_str(), "tenant-1");
}

#[test]
fn older_buckets_mean_what_they_meant() {
    let kms = older::<S3Bucket>("with-finalizers").spec;
    assert_eq!(kms.encryption.unwrap().algorithm, EncryptionAlgorithm::Kms);
    assert_eq!(
        kms.public_access_block.unwrap(),
        PublicAccessBlock {
            block_public_acls: true,
            restrict_public_buckets: true,
            ..PublicAccessBlock::default()
        }
    );
    assert!(!kms.versioning.unwrap().enabled);
}
