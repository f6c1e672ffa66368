//! Every CEL rule: one value that it lets through, one that it refuses with its message.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    objects::{base_with, json_patch},
    server::Server,
    tree::{Node, nodes},
    twins,
};

/// A rule, known by its message, and what it makes of two values. An object is merged into the value that the
/// rule is about (`null` removes a field); anything else takes its place.
pub struct Trial {
    pub message: &'static str,
    pub accepted: Value,
    pub refused: Value,
}

/// A trial for every rule about a value.
pub fn trials() -> Vec<Trial> {
    let trial = |message, accepted, refused| Trial {
        message,
        accepted,
        refused,
    };
    let key_ref = json!({ "name": "keys", "key": "id" });
    vec![
        trial(
            "must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
            json!("a-1.b"),
            json!("a_b"),
        ),
        trial(
            "must be the name of a namespace: lower-case letters, digits and '-', beginning and ending with a letter or digit",
            json!("team-a"),
            json!("team.a"),
        ),
        trial(
            "must be a key of a Secret: letters, digits, '-', '_' and '.'",
            json!("a.B_c-1"),
            json!("a/b"),
        ),
        trial(
            "must be a region: lower-case letters, digits and '-', as in eu-central-1",
            json!("rack-4"),
            json!("EU"),
        ),
        trial(
            "must look like a region of AWS, as eu-central-1 does, unless endpoint is set",
            json!({ "region": "us-gov-west-1", "endpoint": null }),
            json!({ "region": "rack-4", "endpoint": null }),
        ),
        trial(
            "must be http(s)://host[:port][/path], with neither user, query nor fragment",
            json!("http://[::1]:5000/base"),
            json!("https://user:word@store.example"),
        ),
        trial(
            "must be the ARN of an IAM role, as in arn:aws:iam::123456789012:role/name",
            json!("arn:aws-cn:iam::123456789012:role/path/name"),
            json!("arn:aws:iam::123456789012:user/somebody"),
        ),
        trial(
            "may hold only letters, digits and _ + = , . @ : / -",
            json!("a_+=,.@:/-Z"),
            json!("a b"),
        ),
        trial(
            "accessKeyIDRef and secretAccessKeyRef go together: give both or neither",
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref }),
        ),
        trial(
            "credentialsSecret and accessKeyIDRef exclude each other: give one of them",
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
            json!({ "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
        ),
        trial(
            "roleARN is assumed with the operator's service account token, not with an access key: take the key away, or use assumeRoleARN",
            json!({ "credentialsSecret": null, "roleARN": "arn:aws:iam::111122223333:role/operator" }),
            json!({ "roleARN": "arn:aws:iam::111122223333:role/operator" }),
        ),
        trial(
            "externalID has a use only together with assumeRoleARN",
            json!({ "assumeRoleARN": null, "externalID": null }),
            json!({ "assumeRoleARN": null }),
        ),
        trial(
            "'*' means all namespaces: list nothing beside it",
            json!({ "allowedNamespaces": ["*"] }),
            json!({ "allowedNamespaces": ["*", "team-a"] }),
        ),
        trial(
            "must be the name of a namespace, or '*' for all",
            json!("team-b"),
            json!("team-*"),
        ),
        trial(
            "the key of a tag must have 1 to 128 characters",
            json!({ "a": "b" }),
            json!({ "": "b" }),
        ),
        trial(
            "keys that begin with 'aws:' belong to AWS",
            json!({ "aws": "x" }),
            json!({ "aws:x": "x" }),
        ),
        trial(
            "keys that begin with 'aws-infra-operator.runner.codes/' belong to the operator's ownership mark",
            json!({ "aws-infra-operator.runner.codes": "x" }),
            json!({ "aws-infra-operator.runner.codes/uid": "x" }),
        ),
        trial(
            "keys and values of tags may hold only letters, digits, spaces and _ . : / = + - @",
            json!({ "größe 1": "_ . : / = + - @" }),
            json!({ "size": "1,5" }),
        ),
        trial(
            "may hold only lower-case letters, digits, '.' and '-', and must begin and end with a letter or digit",
            json!("a.b-c.9"),
            json!("My_Bucket"),
        ),
        trial(
            "must not hold two dots in a row",
            json!("a.b"),
            json!("a..b"),
        ),
        trial(
            "must not look like an IP address",
            json!("1.2.3"),
            json!("192.168.5.4"),
        ),
        trial(
            "must not begin with what AWS reserves: xn--, sthree-, amzn-s3-demo-",
            json!("xn-bucket"),
            json!("xn--bucket"),
        ),
        trial(
            "must not end with what AWS reserves: -s3alias, --ol-s3, .mrap, --x-s3, --table-s3",
            json!("bucket-alias"),
            json!("bucket--ol-s3"),
        ),
        trial(
            "kmsKeyID has a use only with algorithm aws:kms",
            json!({ "algorithm": "aws_kms", "kmsKeyID": "alias/key" }),
            json!({ "algorithm": "AES256", "kmsKeyID": "alias/key" }),
        ),
        trial(
            "bucketKeyEnabled has a use only with algorithm aws:kms",
            json!({ "algorithm": "aws:kms", "bucketKeyEnabled": true }),
            json!({ "algorithm": "AES256", "bucketKeyEnabled": true }),
        ),
        trial(
            "must be the ID, the ARN or the alias (alias/name) of a KMS key",
            json!("arn:aws:kms:eu-west-1:111122223333:key/0a-1b"),
            json!("my key"),
        ),
        trial(
            "a rule needs expiration or transitions",
            json!({ "transitions": null }),
            json!({ "transitions": null, "expiration": null }),
        ),
        trial(
            "must be GET, PUT, HEAD, POST or DELETE",
            json!("HEAD"),
            json!("PATCH"),
        ),
        trial(
            "must be the twelve digits of an AWS account",
            json!("000000000000"),
            json!("11112222333x"),
        ),
        trial(
            "must be an AWS partition: aws, aws-cn, aws-us-gov …",
            json!("aws-us-gov"),
            json!("azure"),
        ),
    ]
}

/// A rule about a change, a change of the spec that it lets through, and one that it refuses.
fn changes() -> Vec<Trial> {
    vec![Trial {
        message: "bucketName is immutable: AWS cannot rename a bucket; create another S3Bucket",
        accepted: json!({ "providerRef": { "name": "another" } }),
        refused: json!({ "bucketName": "another" }),
    }]
}

/// Every place in every kind at which a rule stands: kind, node, message, and the field that it blames.
fn places() -> Vec<(String, Node, String, String)> {
    let mut places = Vec::new();
    for crd in crd_types::crds() {
        for Node { path, schema } in nodes(&crd) {
            for rule in schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let message = rule["message"]
                    .as_str()
                    .expect("every rule has a message")
                    .to_owned();
                let blamed = format!(
                    "{}{}",
                    path.in_messages(),
                    rule["fieldPath"].as_str().unwrap_or_default()
                );
                let node = Node {
                    path: path.clone(),
                    schema: schema.clone(),
                };
                places.push((crd.spec.names.kind.clone(), node, message, blamed));
            }
        }
    }
    places
}

#[test]
fn every_rule_has_a_trial_and_every_trial_a_rule() {
    let rules: BTreeSet<_> = places()
        .into_iter()
        .map(|(_, _, message, _)| message)
        .collect();
    let tried: Vec<_> = trials()
        .into_iter()
        .chain(changes())
        .map(|trial| trial.message.to_owned())
        .collect();
    assert_eq!(
        tried.len(),
        tried.iter().collect::<BTreeSet<_>>().len(),
        "a message is tried twice"
    );
    assert_eq!(rules, tried.into_iter().collect());
}

#[tokio::test]
async fn every_rule_lets_one_value_through_and_refuses_another() {
    let server = &Server::start().await;
    for crd in crd_types::crds() {
        server
            .store(&crate::objects::bases(&crd.spec.names.kind)[0])
            .await;
    }
    let trials = &trials();
    let failures: Vec<String> = stream::iter(places())
        .map(|(kind, node, message, blamed)| async move {
            let trial = trials.iter().find(|trial| trial.message == message)?;
            try_at(server, &kind, &node, trial, &blamed).await.err()
        })
        .buffer_unordered(8)
        .filter_map(async |failure| failure)
        .collect()
        .await;
    assert!(failures.is_empty(), "{failures:#?}");
}

async fn try_at(
    server: &Server,
    kind: &str,
    node: &Node,
    trial: &Trial,
    blamed: &str,
) -> Result<(), String> {
    let place = format!("{kind} {}", node.path);
    let (base, pointer) = base_with(kind, &node.path);
    let with = |value: &Value| {
        let mut object = base.clone();
        json_patch(
            object.pointer_mut(&pointer).expect("base_with found it"),
            value,
        );
        object
    };
    let is_status = blamed.starts_with("status");
    let admit = async |object: &Value| match is_status {
        true => server.admit_status(object).await,
        false => server.admit(object).await,
    };

    let accepted = with(&trial.accepted);
    if let Err(error) = admit(&accepted).await {
        return Err(format!(
            "{place}: {} should be accepted: {error}",
            trial.accepted
        ));
    }
    twins::accept(&accepted)
        .map_err(|error| format!("{place}: in Rust {} is refused: {error}", trial.accepted))?;

    let refused = with(&trial.refused);
    match admit(&refused).await {
        Ok(_) => {
            return Err(format!(
                "{place}: {} should be refused: {}",
                trial.refused, trial.message
            ));
        }
        Err(error) if error.contains(trial.message) && error.contains(blamed) => {}
        Err(error) => {
            return Err(format!(
                "{place}: wanted {blamed}: {}, got {error}",
                trial.message
            ));
        }
    }
    match twins::accept(&refused) {
        Ok(()) => Err(format!("{place}: in Rust {} is accepted", trial.refused)),
        Err(error) if error.contains(trial.message) && (is_status || error.contains(blamed)) => {
            Ok(())
        }
        Err(error) => Err(format!(
            "{place}: in Rust wanted {blamed}: {}, got {error}",
            trial.message
        )),
    }
}

#[tokio::test]
async fn every_rule_about_a_change_lets_one_through_and_refuses_another() {
    let server = Server::start().await;
    let base = server.store(&crate::objects::bases("S3Bucket")[0]).await;
    for Trial {
        message,
        accepted,
        refused,
    } in changes()
    {
        let with = |change: &Value| {
            let mut object = base.clone();
            object["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("managedFields");
            json_patch(&mut object["spec"], change);
            object
        };
        server.admit_change(&with(&accepted)).await.unwrap();
        let error = server.admit_change(&with(&refused)).await.unwrap_err();
        assert!(
            error.contains(message) && error.contains("spec.bucketName"),
            "{error}"
        );
    }
}
