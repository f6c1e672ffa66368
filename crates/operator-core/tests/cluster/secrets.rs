//! Secrets: values on use, changes by metadata alone, and nothing where nobody refers to anything.

use std::{collections::BTreeSet, sync::Arc};

use harness::{
    UserRules,
    proxy::{
        Action, Call, Gate, Point, Rule, Verb,
        kubernetes::{Attributes, is_list},
    },
    wait::{PATIENCE, until},
};
use k8s_openapi::{ByteString, api::core::v1::Secret, api::rbac::v1::PolicyRule};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::secrets::Secrets,
    decide::{clock::Clock, key::ObjectKey},
};
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::stage::{self, Stage};

const CANARY: &str = "canary-value";

/// A Secret, and the users that were told of it.
type Told = (String, Vec<String>);

struct Vault {
    stage: Stage,
    secrets: Secrets,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Vault {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let client = stage.client.clone();
        Self::of(stage, client)
    }

    fn of(stage: Stage, client: Client) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let secrets = Secrets::new(client, Clock::system(), {
            let told = told.clone();
            move |secret, users| {
                let users = users.iter().map(|user| user.name.to_string()).collect();
                told.lock().push((secret.name.to_string(), users));
            }
        });
        Self {
            stage,
            secrets,
            told,
        }
    }

    fn track(&self, user: &str, secrets: &[ObjectKey]) {
        self.secrets.track(
            &self.stage.key(user),
            secrets.iter().cloned().collect::<BTreeSet<_>>(),
        );
    }

    async fn followed(&self, namespace: &str) {
        let synced = || async {
            self.secrets
                .state()
                .get(namespace)
                .is_some_and(|state| state.watch.synced)
        };
        until("the namespace to be followed", PATIENCE, synced)
            .await
            .unwrap();
    }

    /// Waits until these users were told of this Secret alone, and forgets it.
    async fn told(&self, secret: &str, users: &[&str]) {
        let told = || async {
            let told = self.told.lock();
            let expected = (
                secret.to_owned(),
                users.iter().map(|user| user.to_string()).collect(),
            );
            if *told == [expected] {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        };
        until(&format!("{users:?} to be told of {secret}"), PATIENCE, told)
            .await
            .unwrap();
        self.told.lock().clear();
    }

    /// What is stored under `key` of the Secret.
    async fn value(&self, secret: &str, key: &str) -> Option<String> {
        let values = self.secrets.get(&self.stage.key(secret)).await.unwrap()?;
        Some(values.text(key).unwrap().expose_secret().to_owned())
    }

    fn api(&self) -> Api<Secret> {
        Api::namespaced(self.stage.others.clone(), self.stage.namespace.name())
    }

    async fn create(&self, name: &str, value: &str) {
        let mut secret = Secret::default();
        secret.metadata.name = Some(name.to_owned());
        secret.data = Some([("key".to_owned(), ByteString(value.into()))].into());
        self.api()
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
    }

    async fn rotate(&self, name: &str, value: &str) {
        let patch = Patch::Merge(json!({ "stringData": { "key": value } }));
        self.api()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    fn watches(&self) -> Vec<String> {
        let mut watches: Vec<_> = self
            .stage
            .proxy()
            .open_watches()
            .iter()
            .map(|call| Attributes::of(call).unwrap().namespace)
            .collect();
        watches.sort();
        watches
    }
}

#[tokio::test]
async fn a_rotated_secret_is_told_to_all_its_users_and_read_anew() {
    let vault = Vault::new().await;
    vault.create("shared", "old").await;
    vault.create("other", "old").await;
    let shared = vault.stage.key("shared");
    vault.track("one", std::slice::from_ref(&shared));
    vault.track("two", &[shared.clone(), vault.stage.key("other")]);
    let before = vault.secrets.get(&shared).await.unwrap().unwrap();
    vault.followed(vault.stage.namespace.name()).await;

    vault.rotate("shared", "new").await;
    vault.told("shared", &["one", "two"]).await;
    let after = vault.secrets.get(&shared).await.unwrap().unwrap();
    assert_ne!(before.version(), after.version());
    assert_eq!(vault.value("shared", "key").await.as_deref(), Some("new"));

    vault.track("one", &[]);
    vault.rotate("shared", "newer").await;
    vault.told("shared", &["two"]).await;
}

#[tokio::test]
async fn a_secret_that_is_awaited_appears_and_disappears() {
    let vault = Vault::new().await;
    vault.track("one", &[vault.stage.key("late")]);
    assert_eq!(vault.value("late", "key").await, None);
    vault.followed(vault.stage.namespace.name()).await;
    vault.create("late", "here").await;
    vault.told("late", &["one"]).await;
    assert_eq!(vault.value("late", "key").await.as_deref(), Some("here"));
    vault
        .api()
        .delete("late", &DeleteParams::default())
        .await
        .unwrap();
    vault.told("late", &["one"]).await;
    assert_eq!(vault.value("late", "key").await, None);
    assert!(
        vault.told.lock().is_empty(),
        "what was told is not told again by reading it"
    );
}

/// The answer is under way while the Secret changes, and the watch shows the change first.
#[tokio::test]
async fn a_reader_that_was_overtaken_is_told() {
    let vault = Vault::new().await;
    vault.create("held", "old").await;
    let (read, listed) = (Gate::new(), Gate::new());
    let is_read = |call: &Call| Attributes::of(call).is_some_and(|it| it.verb == "get");
    let proxy = vault.stage.proxy();
    let answer_held = Action::Hold(Point::After, read.clone());
    proxy.rule(Rule::when(is_read, answer_held).once());
    let list_held = Action::Hold(Point::Before, listed.clone());
    proxy.rule(Rule::when(is_list, list_held).once());
    vault.track("one", &[vault.stage.key("held")]);
    let change = async {
        stage::arrived(&read).await;
        stage::arrived(&listed).await;
        vault.rotate("held", "new").await;
        listed.open();
        vault.followed(vault.stage.namespace.name()).await;
        read.open();
    };
    let (value, ()) = tokio::join!(vault.value("held", "key"), change);
    assert_eq!(value.as_deref(), Some("old"));
    vault.told("held", &["one"]).await;
    assert_eq!(vault.value("held", "key").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn only_namespaces_with_references_are_followed_and_no_value_is_listed() {
    let vault = Vault::new().await;
    vault.create("held", CANARY).await;
    let (own, other) = (
        vault.stage.namespace.name(),
        vault.stage.cluster.namespace("other").await.unwrap(),
    );
    let watched = async |expected: &[&str]| {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        until("the watches", PATIENCE, || async {
            let watches = vault.watches();
            if watches == expected {
                Ok(())
            } else {
                Err(format!("{watches:?}"))
            }
        })
        .await
        .unwrap();
    };
    assert!(
        vault.stage.proxy().requests().is_empty(),
        "nothing is asked before somebody refers"
    );

    vault.track(
        "one",
        &[vault.stage.key("held"), ObjectKey::new(other.name(), "far")],
    );
    vault.track("two", &[vault.stage.key("held")]);
    watched(&[own, other.name()]).await;
    vault.value("held", "key").await;
    assert_eq!(vault.secrets.state()[own].referenced, 1);
    vault.track("one", &[vault.stage.key("held")]);
    watched(&[own]).await;
    vault.track("two", &[]);
    watched(&[own]).await;
    vault.track("one", &[]);
    watched(&[]).await;
    assert!(vault.secrets.state().is_empty());

    let is_whole = |call: &Call| {
        let accepts = call
            .headers
            .get("accept")
            .map(|accepts| accepts.to_str().unwrap());
        !accepts.is_some_and(|accepts| accepts.contains("as=PartialObjectMetadata"))
    };
    let requests = vault.stage.proxy().requests();
    let whole: Vec<_> = requests
        .iter()
        .filter(|request| is_whole(&request.call))
        .map(|request| Attributes::of(&request.call).unwrap().verb)
        .collect();
    assert_eq!(whole, ["get"], "lists and watches ask for metadata alone");
    assert!(
        requests
            .iter()
            .any(|request| request.call.verb == Verb::Watch)
    );
}

#[tokio::test]
async fn without_the_right_to_watch_values_are_read_all_the_same() {
    let stage = Stage::new().await;
    let rule = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".into()]),
        verbs: vec!["get".into()],
        ..PolicyRule::default()
    };
    let namespaced = vec![(stage.namespace.name().to_owned(), vec![rule])];
    let user = stage
        .cluster
        .user(
            "reader",
            UserRules {
                namespaced,
                ..UserRules::default()
            },
        )
        .await
        .unwrap();
    let client = stage.client_of(&user);
    let vault = Vault::of(stage, client);
    vault.create("held", "old").await;
    vault.track("one", &[vault.stage.key("held")]);
    assert_eq!(vault.value("held", "key").await.as_deref(), Some("old"));
    let refused = || async {
        let state = vault.secrets.state();
        state
            .values()
            .next()
            .and_then(|state| state.watch.last_error.clone())
            .is_some_and(|e| e.contains("cannot watch"))
    };
    until("the refusal to be shown", PATIENCE, refused)
        .await
        .unwrap();

    vault.rotate("held", "new").await;
    assert_eq!(vault.value("held", "key").await.as_deref(), Some("new"));
    vault.told("held", &["one"]).await;
}

#[tokio::test]
async fn the_watches_end_with_the_last_clone() {
    let vault = Vault::new().await;
    vault.track("one", &[vault.stage.key("held")]);
    until("a watch", PATIENCE, || async {
        !vault.watches().is_empty()
    })
    .await
    .unwrap();
    let Vault { stage, secrets, .. } = vault;
    let clone = secrets.clone();
    drop(secrets);
    assert_eq!(stage.proxy().open_watches().len(), 1);
    drop(clone);
    until("no watch", PATIENCE, || async {
        stage.proxy().open_watches().is_empty()
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn no_value_is_shown() {
    let vault = Vault::new().await;
    vault.create("held", CANARY).await;
    vault.track("one", &[vault.stage.key("held")]);
    vault.followed(vault.stage.namespace.name()).await;
    let values = vault
        .secrets
        .get(&vault.stage.key("held"))
        .await
        .unwrap()
        .unwrap();
    let state = serde_json::to_string(&vault.secrets.state()).unwrap();
    let shown = format!(
        "{values:?} {:?} {} {state}",
        values.get("key"),
        values.text("none").unwrap_err()
    );
    assert!(!shown.contains(CANARY) && shown.contains("held"), "{shown}");
}
