//! Every CEL rule: one value that it lets through, one that it refuses with its message.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    objects::{base_with, json_patch},
    server::Server,
    tree::{Node, nodes},
    trials::{Trial, trials},
    twins,
};

/// A rule about a change, a change of the spec that it lets through, and one that it refuses.
fn changes() -> Vec<Trial> {
    vec![
        Trial {
            message: "bucketName is immutable: AWS cannot rename a bucket; create another S3Bucket",
            accepted: json!({ "providerRef": { "name": "another" } }),
            refused: json!({ "bucketName": "another" }),
        },
        Trial {
            message: "objectLock cannot be removed: AWS never turns object lock off; defaultRetention can be removed",
            accepted: json!({ "objectLock": { "defaultRetention": null } }),
            refused: json!({ "objectLock": null }),
        },
    ]
}

/// Every place in every kind at which a rule stands: kind, node, message, and the field that it blames.
pub fn places() -> Vec<(String, Node, String, String)> {
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
        let field = message.split(' ').next().unwrap_or_default();
        assert!(
            error.contains(message) && error.contains(&format!("spec.{field}")),
            "{error}"
        );
    }
}
