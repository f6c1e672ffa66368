//! Children that a watch knows: no request for what stands, one for what is missing, and nobody else's touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use harness::{
    proxy::{Action, Gate, Point, Rule, Verb, kubernetes},
    wait::{PATIENCE, until},
};
use http::StatusCode;
use k8s_openapi::api::core::v1::{ConfigMap, LimitRange};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::{
        apply::MANAGED_BY,
        cache::{Cache, Scope},
        children::{Children, Kept},
        leading::Leading,
        write::{WriteError, Writer},
    },
    decide::{clock::Clock, key::ObjectKey},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    gadget::Gadget,
    stage::{self, Stage},
};

const OPERATOR: &str = "gadget-operator";

/// A parent whose children are watched, and those who were woken by them.
struct Family {
    stage: Stage,
    parent: Gadget,
    children: Arc<Children<ConfigMap>>,
    cache: Arc<Cache<Kept<ConfigMap>>>,
    woken: Arc<Mutex<Vec<ObjectKey>>>,
    _watching: JoinSet<()>,
}

impl Family {
    async fn new(stage: Stage, parent: Gadget) -> Self {
        let cache = Arc::new(Cache::new("configmap", Clock::system()));
        let writer = Writer::new(stage.client.clone(), OPERATOR);
        let children = Arc::new(Children::new(cache.clone(), writer));
        let woken = Arc::<Mutex<Vec<_>>>::default();
        let told = woken.clone();
        children.on_change::<Gadget>(move |owner| told.lock().push(owner.clone()));
        let mut watching = JoinSet::new();
        let scope = Scope::Namespaces(BTreeSet::from([stage.namespace.name().to_owned()]));
        let (watched, client) = (cache.clone(), stage.client.clone());
        watching.spawn(async move { watched.run(client, scope).await });
        cache.wait_synced().await;
        Self {
            stage,
            parent,
            children,
            cache,
            woken,
            _watching: watching,
        }
    }

    async fn grown() -> Self {
        let stage = Stage::new().await;
        let parent = stage.create("parent", 1).await;
        Self::new(stage, parent).await
    }

    async fn apply(&self, data: &[(&str, &str)]) -> Result<bool, WriteError> {
        let data: BTreeMap<String, String> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut child = ConfigMap {
            data: Some(data),
            ..ConfigMap::default()
        };
        child.metadata.name = Some("child".to_owned());
        let leading = Leading::always(Clock::system());
        self.children.apply(&leading, &self.parent, child).await
    }

    /// The requests about config maps since the last call, but the watch's.
    fn requests(&self) -> Vec<String> {
        let proxy = self.stage.proxy();
        let requests = proxy.requests().into_iter().map(|it| it.call);
        let about = requests.filter(|it| it.about == "configmaps" && it.verb != Verb::Watch);
        let shown = about.map(|call| call.method.to_string()).collect();
        proxy.clear();
        shown
    }

    fn others(&self) -> Api<ConfigMap> {
        Api::namespaced(self.stage.others.clone(), self.stage.namespace.name())
    }

    /// What others make now, the watch shows after all that was before.
    async fn caught_up(&self) {
        let mut mark = ConfigMap::default();
        mark.metadata.generate_name = Some("mark-".to_owned());
        let params = PostParams::default();
        let mark = self.others().create(&params, &mark).await.unwrap();
        let key = self.stage.key(&mark.name_any());
        let seen = || async { self.cache.get(&key).is_some() };
        until("the watch to catch up", PATIENCE, seen)
            .await
            .unwrap();
    }

    /// Somebody else's change, as soon as the watch has shown it.
    async fn changed_by_others(&self, patch: Value) -> ConfigMap {
        self.caught_up().await;
        self.woken.lock().clear();
        let changed = self.patched_by_others(patch).await;
        self.woken().await;
        changed
    }

    async fn patched_by_others(&self, patch: Value) -> ConfigMap {
        let params = PatchParams::default();
        let api = self.others();
        api.patch("child", &params, &Patch::Merge(patch))
            .await
            .unwrap()
    }

    async fn woken(&self) {
        let owner = self.stage.key("parent");
        let woken = || async { self.woken.lock().contains(&owner) };
        until("the parent to be woken", PATIENCE, woken)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_child_costs_one_request_and_none_while_it_stands() {
    let family = Family::grown().await;
    family.requests();
    assert!(family.apply(&[("a", "1"), ("b", "1")]).await.unwrap());
    assert_eq!(family.requests(), ["PATCH"]);
    let created = family.others().get("child").await.unwrap();
    assert_eq!(created.labels()[MANAGED_BY], OPERATOR);
    assert_eq!(
        created.owner_references()[0].uid,
        family.parent.uid().unwrap()
    );
    // Whether or not the watch has shown it.
    assert!(!family.apply(&[("a", "1"), ("b", "1")]).await.unwrap());
    assert_eq!(family.requests(), [""; 0]);

    // What is no longer wanted goes.
    assert!(family.apply(&[("a", "2")]).await.unwrap());
    assert_eq!(family.requests(), ["PATCH"]);
    let changed = family.others().get("child").await.unwrap();
    assert_eq!(changed.data.unwrap(), [("a".into(), "2".into())].into());
    let version = changed.metadata.resource_version;

    // Another process knows it from its first list alone.
    let next = Family::new(family.stage, family.parent).await;
    next.requests();
    assert!(!next.apply(&[("a", "2")]).await.unwrap());
    assert_eq!(next.requests(), [""; 0]);
    let stored = next.others().get("child").await.unwrap();
    assert_eq!(stored.metadata.resource_version, version);
}

#[tokio::test]
async fn what_others_change_or_delete_wakes_the_owner_and_comes_back() {
    let family = Family::grown().await;
    family.apply(&[("a", "1")]).await.unwrap();
    family
        .changed_by_others(json!({ "data": { "a": null } }))
        .await;
    assert!(family.apply(&[("a", "1")]).await.unwrap());
    let mended = family.others().get("child").await.unwrap();
    assert_eq!(mended.data.unwrap()["a"], "1");

    family.caught_up().await;
    family.woken.lock().clear();
    let params = DeleteParams::default();
    family.others().delete("child", &params).await.unwrap();
    family.woken().await;
    family.requests();
    assert!(family.apply(&[("a", "1")]).await.unwrap());
    assert_eq!(family.requests(), ["PATCH"]);
    assert!(family.others().get("child").await.is_ok());
}

#[tokio::test]
async fn what_others_add_is_kept_and_costs_nothing() {
    let family = Family::grown().await;
    family.apply(&[("a", "1")]).await.unwrap();
    let theirs = json!({ "data": { "b": "2" }, "metadata": { "labels": { "theirs": "yes" } } });
    family.changed_by_others(theirs).await;
    family.requests();
    assert!(!family.apply(&[("a", "1")]).await.unwrap());
    assert_eq!(family.requests(), [""; 0]);
    assert!(family.apply(&[("a", "3")]).await.unwrap());
    let stored = family.others().get("child").await.unwrap();
    assert_eq!(
        stored.data.unwrap(),
        [("a".into(), "3".into()), ("b".into(), "2".into())].into()
    );
}

#[tokio::test]
async fn a_field_that_another_took_is_left_to_him() {
    let family = Family::grown().await;
    family.apply(&[("a", "1")]).await.unwrap();
    let taken = family
        .changed_by_others(json!({ "data": { "a": "theirs" } }))
        .await;
    let contested = family.apply(&[("a", "1")]).await.unwrap_err();
    assert!(
        matches!(contested, WriteError::Contested { .. }),
        "{contested}"
    );
    assert_eq!(family.others().get("child").await.unwrap(), taken);
}

#[tokio::test]
async fn an_object_of_somebody_else_is_never_touched() {
    let family = Family::grown().await;
    let mut theirs = ConfigMap::default();
    theirs.metadata.name = Some("child".to_owned());
    let params = PostParams::default();
    let theirs = family.others().create(&params, &theirs).await.unwrap();
    let key = family.stage.key("child");
    family.caught_up().await;
    assert!(family.cache.get(&key).is_some());
    family.requests();
    let refused = family.apply(&[("a", "1")]).await.unwrap_err();
    assert!(matches!(refused, WriteError::NotOurs { .. }), "{refused}");
    assert_eq!(family.requests(), ["GET"]);
    assert_eq!(family.others().get("child").await.unwrap(), theirs);
}

/// The watch is late, so the write is based on a state that is no more.
#[tokio::test]
async fn a_change_that_the_watch_has_not_shown_is_looked_at_before_anything_is_written() {
    let family = Family::grown().await;
    family.apply(&[("a", "1")]).await.unwrap();
    let is_watch = |call: &harness::proxy::Call| call.verb == Verb::Watch;
    let open = || async { family.stage.proxy().open_watches().len() == 1 };
    until("the watch to be open", PATIENCE, open).await.unwrap();
    let gate = Gate::new();
    let held = Rule::when(is_watch, Action::Hold(Point::Before, gate.clone()));
    family.stage.proxy().rule(held);
    family.stage.proxy().cut_watches(is_watch);
    stage::arrived(&gate).await;
    let theirs = json!({ "metadata": { "labels": { MANAGED_BY: "them" } } });
    let theirs = family.patched_by_others(theirs).await;
    family.requests();
    let refused = family.apply(&[("a", "2")]).await.unwrap_err();
    assert!(matches!(refused, WriteError::NotOurs { .. }), "{refused}");
    assert_eq!(family.requests(), ["PATCH", "GET"]);
    assert_eq!(family.others().get("child").await.unwrap(), theirs);
    gate.open();
}

/// What a watch that fails may not have shown is looked for.
#[tokio::test]
async fn nothing_is_taken_over_while_the_watch_ails() {
    let family = Family::grown().await;
    family.caught_up().await;
    let open = || async { family.stage.proxy().open_watches().len() == 1 };
    until("the watch to be open", PATIENCE, open).await.unwrap();
    let is_watch = |call: &harness::proxy::Call| call.verb == Verb::Watch;
    let refused = kubernetes::refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "down");
    let down = family
        .stage
        .proxy()
        .rule(Rule::when(is_watch, Action::Answer(refused)));
    family.stage.proxy().cut_watches(is_watch);
    let ails = || async { family.cache.errors() > 0 };
    until("the watch to fail", PATIENCE, ails).await.unwrap();

    let mut theirs = ConfigMap::default();
    theirs.metadata.name = Some("child".to_owned());
    let params = PostParams::default();
    let theirs = family.others().create(&params, &theirs).await.unwrap();
    family.requests();
    let refused = family.apply(&[("a", "1")]).await.unwrap_err();
    assert!(matches!(refused, WriteError::NotOurs { .. }), "{refused}");
    assert_eq!(family.requests(), ["GET"]);
    assert_eq!(family.others().get("child").await.unwrap(), theirs);

    // What is not there is made all the same, and when the watch is well nothing is looked for any more.
    family
        .others()
        .delete("child", &DeleteParams::default())
        .await
        .unwrap();
    assert!(family.apply(&[("a", "1")]).await.unwrap());
    assert_eq!(family.requests(), ["GET", "PATCH"]);
    down.remove();
    family.caught_up().await;
    family
        .others()
        .delete("child", &DeleteParams::default())
        .await
        .unwrap();
    let key = family.stage.key("child");
    let gone = || async { family.cache.get(&key).is_none() };
    until("the child to be gone", PATIENCE, gone).await.unwrap();
    family.requests();
    assert!(family.apply(&[("a", "1")]).await.unwrap());
    assert_eq!(family.requests(), ["PATCH"]);
}

#[tokio::test]
async fn a_parent_that_loses_its_child_is_woken_and_takes_it_back() {
    let family = Family::grown().await;
    family.apply(&[("a", "1")]).await.unwrap();
    let orphan = json!({ "metadata": { "ownerReferences": [] } });
    let orphan = family.changed_by_others(orphan).await;
    assert!(orphan.owner_references().is_empty());
    assert!(family.apply(&[("a", "1")]).await.unwrap());
    let back = family.others().get("child").await.unwrap();
    assert_eq!(back.owner_references()[0].uid, family.parent.uid().unwrap());
}

/// The server writes quantities in its own way, and adds what follows from them.
#[tokio::test]
async fn a_child_that_the_server_keeps_in_another_form_costs_one_request_after_a_start() {
    let stage = Stage::new().await;
    let parent = stage.create("parent", 1).await;
    let leading = Leading::always(Clock::system());
    let limits: LimitRange = serde_json::from_value(json!({
        "metadata": { "name": "child" }, "spec": { "limits": [{ "type": "Container", "max": { "cpu": "1000m" } }] },
    }))
    .unwrap();
    let mut asked = Vec::new();
    for _ in 0..2 {
        let cache = Arc::new(Cache::new("limitrange", Clock::system()));
        let writer = Writer::new(stage.client.clone(), OPERATOR);
        let children = Children::<LimitRange>::new(cache.clone(), writer);
        let mut watching = JoinSet::new();
        let scope = Scope::Namespaces(BTreeSet::from([stage.namespace.name().to_owned()]));
        let (watched, client) = (cache.clone(), stage.client.clone());
        watching.spawn(async move { watched.run(client, scope).await });
        cache.wait_synced().await;
        for _ in 0..2 {
            stage.proxy().clear();
            let child = limits.clone();
            children.apply(&leading, &parent, child).await.unwrap();
            let requests = stage.proxy().requests().into_iter().map(|it| it.call);
            asked.push(requests.filter(|call| call.verb == Verb::Write).count());
        }
    }
    assert_eq!(asked, [1, 0, 1, 0]);
    let api = Api::<LimitRange>::namespaced(stage.others.clone(), stage.namespace.name());
    let stored = serde_json::to_value(api.get("child").await.unwrap()).unwrap();
    let limit = &stored["spec"]["limits"][0];
    assert_eq!(
        (&limit["max"]["cpu"], &limit["default"]["cpu"]),
        (&json!("1"), &json!("1"))
    );
}
