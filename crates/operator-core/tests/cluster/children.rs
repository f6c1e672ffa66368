//! Children: applied whole, sent only where something is missing, and never taken from anybody.

use std::collections::BTreeMap;

use harness::{
    UserRules,
    proxy::{Action, Gate, Point, Rule, Verb},
};
use k8s_openapi::{
    ByteString,
    api::{
        core::v1::{ConfigMap, Secret},
        rbac::v1::PolicyRule,
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::{
        apply::{Applied, MANAGED_BY},
        leading::Leading,
        write::{WriteError, Writer},
    },
    decide::{
        clock::Clock,
        outcome::{Class, Fault},
    },
};
use serde_json::{Value, json};

use crate::{
    gadget::Gadget,
    stage::{self, Stage},
};

const OPERATOR: &str = "gadget-operator";

struct Nursery {
    stage: Stage,
    writer: Writer,
    leading: Leading,
    parent: Gadget,
}

impl Nursery {
    async fn new() -> Self {
        let stage = Stage::new().await;
        Self {
            writer: Writer::new(stage.client.clone(), OPERATOR),
            leading: Leading::always(Clock::system()),
            parent: stage.create("parent", 1).await,
            stage,
        }
    }

    async fn apply(&self, data: &[(&str, &str)]) -> Result<Applied<ConfigMap>, WriteError> {
        let child = config_map(data);
        self.writer
            .apply_child(&self.leading, &self.parent, child)
            .await
    }

    /// What the apply stored.
    async fn written(&self, data: &[(&str, &str)]) -> ConfigMap {
        match self.apply(data).await.unwrap() {
            Applied::Written(stored) => stored,
            Applied::Unchanged(_) => panic!("nothing was sent for {data:?}"),
        }
    }

    /// The child as others see it.
    fn others(&self) -> Api<ConfigMap> {
        Api::namespaced(self.stage.others.clone(), self.stage.namespace.name())
    }

    async fn patched_by(&self, manager: &str, patch: Value) -> ConfigMap {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        self.others()
            .patch("child", &params, &Patch::Merge(patch))
            .await
            .unwrap()
    }

    fn writes(&self) -> usize {
        self.stage.proxy().counts().of(Verb::Write)
    }
}

fn config_map(data: &[(&str, &str)]) -> ConfigMap {
    let mut child = ConfigMap {
        data: Some(strings(data)),
        ..ConfigMap::default()
    };
    child.metadata.name = Some("child".to_owned());
    child
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_child_is_created_marked_and_then_left_alone() {
    let nursery = Nursery::new().await;
    let created = nursery.written(&[("a", "1")]).await;
    assert_eq!(created.data, Some(strings(&[("a", "1")])));
    assert_eq!(created.namespace(), nursery.parent.namespace());
    assert_eq!(created.labels()[MANAGED_BY], OPERATOR);
    let [owner] = created.owner_references() else {
        panic!("{:?}", created.owner_references());
    };
    assert_eq!(
        (&*owner.kind, &*owner.name, owner.controller),
        ("Gadget", "parent", Some(true))
    );
    assert_eq!(owner.uid, nursery.parent.uid().unwrap());

    assert_eq!(nursery.writes(), 1);
    let again = nursery.apply(&[("a", "1")]).await.unwrap();
    assert_eq!(again, Applied::Unchanged(created));
    assert_eq!(nursery.writes(), 1, "nothing is sent in vain");
}

#[tokio::test]
async fn what_is_missing_comes_back_and_what_is_no_longer_wanted_goes() {
    let nursery = Nursery::new().await;
    nursery.written(&[("a", "1"), ("b", "2")]).await;
    nursery
        .patched_by("somebody", json!({ "data": { "a": null } }))
        .await;
    let mended = nursery.written(&[("a", "1"), ("b", "2")]).await;
    assert_eq!(mended.data, Some(strings(&[("a", "1"), ("b", "2")])));

    // All that is wanted is there, but so is what was wanted before.
    let shrunk = nursery.written(&[("a", "1")]).await;
    assert_eq!(shrunk.data, Some(strings(&[("a", "1")])));
}

#[tokio::test]
async fn what_others_add_is_kept() {
    let nursery = Nursery::new().await;
    nursery.written(&[("a", "1")]).await;
    let second = nursery.stage.create("second", 1).await;
    let both = [
        nursery.parent.controller_owner_ref(&()),
        second.owner_ref(&()),
    ];
    let theirs = json!({
        "metadata": { "labels": { "theirs": "yes" }, "ownerReferences": both },
        "data": { "b": "2" },
    });
    nursery.patched_by("somebody", theirs).await;
    let writes = nursery.writes();
    let unchanged = nursery.apply(&[("a", "1")]).await.unwrap();
    assert!(matches!(unchanged, Applied::Unchanged(_)), "{unchanged:?}");
    assert_eq!(nursery.writes(), writes);

    let changed = nursery.written(&[("a", "3")]).await;
    assert_eq!(changed.data, Some(strings(&[("a", "3"), ("b", "2")])));
    assert_eq!(changed.labels()["theirs"], "yes");
    assert_eq!(changed.owner_references().len(), 2);
}

#[tokio::test]
async fn a_field_that_another_took_is_left_to_him_and_he_is_named() {
    let nursery = Nursery::new().await;
    nursery.written(&[("ca.crt", "1"), ("b", "2")]).await;
    let theirs = json!({ "data": { "ca.crt": "canary" } });
    let taken = nursery.patched_by("the-other", theirs).await;

    let contested = nursery
        .apply(&[("ca.crt", "1"), ("b", "3")])
        .await
        .unwrap_err();
    let fault = Fault::from(contested);
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "FieldConflict")
    );
    let child = format!("ConfigMap {}/child", nursery.stage.namespace.name());
    for part in [&*child, ".data.ca.crt", "the-other"] {
        assert!(fault.message.contains(part), "{part} in {fault}");
    }
    assert!(!fault.message.contains("canary"), "{fault}");
    assert!(!fault.message.contains(".data.b"), "{fault}");
    let stored = nursery.others().get("child").await.unwrap();
    assert_eq!(stored, taken, "nothing was written");

    // Left out, it is his alone.
    let settled = nursery.written(&[("b", "3")]).await;
    assert_eq!(
        settled.data,
        Some(strings(&[("b", "3"), ("ca.crt", "canary")]))
    );
}

#[tokio::test]
async fn a_field_that_another_holds_beside_us_is_still_ours_to_change() {
    let nursery = Nursery::new().await;
    nursery.written(&[("a", "1")]).await;
    let beside = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "child" }, "data": { "a": "1" },
    });
    nursery
        .others()
        .patch(
            "child",
            &PatchParams::apply("beside"),
            &Patch::Apply(beside),
        )
        .await
        .unwrap();
    let changed = nursery.written(&[("a", "2")]).await;
    assert_eq!(changed.data, Some(strings(&[("a", "2")])));
}

#[tokio::test]
async fn an_object_of_somebody_else_is_never_touched() {
    let nursery = Nursery::new().await;
    let mut theirs = config_map(&[("a", "0")]);
    let created = nursery
        .others()
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap();
    let fault = Fault::from(nursery.apply(&[("a", "1")]).await.unwrap_err());
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "NotOurs")
    );
    assert!(fault.message.contains(MANAGED_BY), "{fault}");
    assert_eq!(nursery.others().get("child").await.unwrap(), created);

    // Ours, but of another parent.
    let other = nursery.stage.create("other", 1).await;
    theirs.metadata.name = Some("second".to_owned());
    let child = nursery
        .writer
        .apply_child(&nursery.leading, &other, theirs.clone())
        .await;
    child.unwrap();
    let (writes, parent) = (nursery.writes(), &nursery.parent);
    let refused = nursery
        .writer
        .apply_child(&nursery.leading, parent, theirs)
        .await;
    let fault = Fault::from(refused.unwrap_err());
    assert!(fault.message.contains("belongs to Gadget other"), "{fault}");
    assert_eq!(nursery.writes(), writes);
}

#[tokio::test]
async fn an_object_of_the_operator_itself_has_no_owner() {
    let nursery = Nursery::new().await;
    let mut secret = Secret {
        data: Some([("tls.key".to_owned(), ByteString(b"key".to_vec()))].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    secret.metadata.name = Some("authority".to_owned());
    secret.metadata.namespace = Some(nursery.stage.namespace.name().to_owned());
    let apply = || nursery.writer.apply(&nursery.leading, secret.clone());
    let stored = apply().await.unwrap();
    assert!(matches!(stored, Applied::Written(_)));
    assert!(stored.into_object().owner_references().is_empty());
    assert!(matches!(apply().await.unwrap(), Applied::Unchanged(_)));
    assert_eq!(nursery.writes(), 1);
}

#[tokio::test]
async fn a_change_between_look_and_write_is_noticed() {
    let nursery = Nursery::new().await;
    nursery.written(&[("a", "1")]).await;
    let gate = Gate::new();
    nursery.stage.proxy().rule(Rule::when(
        |call| call.verb == Verb::Write,
        Action::Hold(Point::Before, gate.clone()),
    ));
    let apply = nursery.apply(&[("a", "2")]);
    let change = async {
        stage::arrived(&gate).await;
        nursery
            .patched_by("somebody", json!({ "data": { "b": "2" } }))
            .await;
        gate.open();
    };
    let (applied, ()) = tokio::join!(apply, change);
    let conflict = applied.unwrap_err();
    assert!(matches!(conflict, WriteError::Conflict), "{conflict:?}");
}

#[tokio::test]
async fn without_the_right_nothing_is_applied() {
    let mut nursery = Nursery::new().await;
    nursery.leading = stage::ended_term(&nursery.stage).await;
    let refused = nursery.apply(&[("a", "1")]).await.unwrap_err();
    assert!(matches!(refused, WriteError::NotLeading(_)), "{refused:?}");
    assert_eq!(nursery.writes(), 0);
    assert!(nursery.others().get_opt("child").await.unwrap().is_none());
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let mut nursery = Nursery::new().await;
    let rule = |verbs: &[&str]| UserRules {
        cluster: vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["configmaps".into()]),
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            ..PolicyRule::default()
        }],
        ..UserRules::default()
    };
    for (verbs, expected) in [
        (&["patch", "create"][..], "may not get configmaps: "),
        (&["get", "create"], "may not patch configmaps: "),
    ] {
        let user = nursery.stage.cluster.user("limited", rule(verbs)).await;
        let client = nursery.stage.client_of(&user.unwrap());
        nursery.writer = Writer::new(client, OPERATOR);
        let fault = Fault::from(nursery.apply(&[("a", "1")]).await.unwrap_err());
        assert_eq!(
            (fault.class, fault.reason.as_str()),
            (Class::Blocked, "Forbidden")
        );
        assert!(fault.message.starts_with(expected), "{fault}");
    }
    let rules = rule(&["get", "create", "patch"]);
    let user = nursery.stage.cluster.user("enough", rules).await;
    let client = nursery.stage.client_of(&user.unwrap());
    nursery.writer = Writer::new(client, OPERATOR);
    nursery.written(&[("a", "1")]).await;
}
