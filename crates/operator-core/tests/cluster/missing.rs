//! Kinds whose definitions are not installed, are taken away and come back.

use std::{sync::Arc, time::Duration};

use harness::{
    ControlPlane,
    proxy::{Action, Call, Rule, kubernetes},
    wait::{PATIENCE, until, wait_gone},
};
use http::StatusCode;
use k8s_openapi::{
    NamespaceResourceScope,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, CustomResource, CustomResourceExt, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::cache::{Cache, Scope, Whole},
    decide::clock::Clock,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{gadget::Gadget, stage::Stage};

/// A kind that only one test installs.
#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "seldom.example.com",
    version = "v1",
    kind = "Seldom",
    namespaced
)]
struct SeldomSpec {}

/// A kind that another test installs, in another version.
#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "moved.example.com",
    version = "v1",
    kind = "Moved",
    namespaced
)]
struct MovedSpec {}

/// A kind whose objects one test hides.
#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "veiled.example.com",
    version = "v1",
    kind = "Veiled",
    namespaced
)]
struct VeiledSpec {}

/// How often a kind is asked for before there is taken to be none.
const LOOKS: usize = 4;

/// A running cache whose time a test lets fly.
struct Sought<K>
where
    K: Resource<DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    cache: Arc<Cache<Whole<K>>>,
    clock: Clock,
    task: JoinHandle<()>,
}

impl<K> Drop for Sought<K>
where
    K: Resource<DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K> Sought<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    fn start(stage: &Stage) -> Self {
        let clock = Clock::system();
        let cache = Arc::new(Cache::new("sought", clock.clone()));
        let scope = Scope::Namespaces([stage.namespace.name().to_owned()].into());
        let (run, client) = (cache.clone(), stage.client.clone());
        let task = tokio::spawn(async move { run.run(client, scope).await });
        Self { cache, clock, task }
    }

    /// Waits, by the cache's own time, until it `holds`.
    async fn until(&self, what: &str, holds: impl Fn(&Cache<Whole<K>>) -> bool) {
        let held = || async {
            self.clock.advance(Duration::from_secs(1));
            match holds(&self.cache) {
                true => Ok(()),
                false => Err(format!("{:?}", self.cache.state())),
            }
        };
        until(what, PATIENCE, held).await.unwrap();
    }

    /// Waits until it has the object of this name.
    async fn has(&self, stage: &Stage, name: &str) {
        let key = stage.key(name);
        self.until("the object", |cache| cache.get(&key).is_some())
            .await;
    }

    /// Waits until the kind was asked for this often.
    async fn asked(&self, stage: &Stage, times: usize) {
        let lists = || {
            let requests = stage.proxy().requests();
            let plural = K::plural(&()).into_owned();
            let is_list = |call: &Call| kubernetes::is_list(call) && call.about == plural;
            requests.iter().filter(|it| is_list(&it.call)).count()
        };
        self.until("it to be asked for", |_| lists() >= times).await;
    }
}

async fn create<K>(stage: &Stage, object: K)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Takes a definition away, with all its objects.
async fn uninstall(stage: &Stage, definition: &CustomResourceDefinition) {
    let definitions: Api<CustomResourceDefinition> = Api::all(stage.others.clone());
    let name = definition.name_any();
    if definitions.get_opt(&name).await.unwrap().is_some() {
        let params = DeleteParams::default();
        definitions.delete(&name, &params).await.unwrap();
        wait_gone(&definitions, &name, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_kind_that_is_not_installed_has_no_objects_until_it_is() {
    let stage = Stage::on(ControlPlane::shared().await.unwrap()).await;
    let definition = Seldom::crd();
    uninstall(&stage, &definition).await;
    let sought = Sought::<Seldom>::start(&stage);
    let missing = |cache: &Cache<Whole<Seldom>>| {
        let state = cache.state();
        state.missing.as_deref() == Some("seldoms.seldom.example.com/v1") && cache.is_missing()
    };
    sought.until("it to be missing", missing).await;
    sought
        .until("it to be known to have no objects", Cache::synced)
        .await;
    sought.asked(&stage, LOOKS).await;
    assert!(missing(&sought.cache) && sought.cache.is_empty());

    for (name, other) in [("one", "two"), ("two", "one")] {
        stage
            .cluster
            .install_crds([definition.clone()])
            .await
            .unwrap();
        create(&stage, Seldom::new(name, SeldomSpec {})).await;
        sought.has(&stage, name).await;
        assert!(sought.cache.get(&stage.key(other)).is_none());
        assert_eq!(sought.cache.state().missing, None);

        uninstall(&stage, &definition).await;
        sought.until("the object to go", Cache::is_empty).await;
        sought.until("the kind to go", missing).await;
    }
    assert_eq!(sought.cache.errors(), 0, "nothing is wrong");
}

#[tokio::test]
async fn a_kind_that_is_served_in_another_version_may_have_objects() {
    let stage = Stage::on(ControlPlane::shared().await.unwrap()).await;
    let definition = Moved::crd();
    uninstall(&stage, &definition).await;
    let mut moved = definition.clone();
    let mut other = moved.spec.versions[0].clone();
    other.name = "v2".to_owned();
    other.storage = false;
    moved.spec.versions[0].served = false;
    moved.spec.versions.push(other);
    stage.cluster.install_crds([moved]).await.unwrap();

    let sought = Sought::<Moved>::start(&stage);
    sought.asked(&stage, 2 * LOOKS).await;
    let state = sought.cache.state();
    assert!(!state.synced, "{state:?}");
    let doubt = "moveds.moved.example.com/v1 is not served, and may have objects: it serves moveds of moved.example.com/v2";
    assert_eq!(state.last_error.as_deref(), Some(doubt));

    stage
        .cluster
        .install_crds([definition.clone()])
        .await
        .unwrap();
    create(&stage, Moved::new("one", MovedSpec {})).await;
    sought.until("it to be listed", Cache::synced).await;
    sought.has(&stage, "one").await;
    uninstall(&stage, &definition).await;
}

async fn serve(stage: &Stage, definition: &CustomResourceDefinition, served: bool) {
    let definitions: Api<CustomResourceDefinition> = Api::all(stage.others.clone());
    let patch = json!([{ "op": "replace", "path": "/spec/versions/0/served", "value": served }]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    let (name, params) = (definition.name_any(), PatchParams::default());
    definitions.patch(&name, &params, &patch).await.unwrap();
    let group = &definition.spec.group;
    let told = || async {
        let groups = stage.others.list_api_groups().await.unwrap().groups;
        match groups.iter().any(|it| it.name == *group) == served {
            true => Ok(()),
            false => Err(format!("{groups:?}")),
        }
    };
    until("the groups to tell it", PATIENCE, told)
        .await
        .unwrap();
}

/// The documentation warns of it: whoever may not read definitions cannot tell one from the other.
#[tokio::test]
async fn a_kind_that_is_served_in_no_version_counts_as_one_that_is_not_installed() {
    let stage = Stage::on(ControlPlane::shared().await.unwrap()).await;
    let definition = Veiled::crd();
    uninstall(&stage, &definition).await;
    stage
        .cluster
        .install_crds([definition.clone()])
        .await
        .unwrap();
    create(&stage, Veiled::new("one", VeiledSpec {})).await;
    serve(&stage, &definition, false).await;

    let sought = Sought::<Veiled>::start(&stage);
    sought
        .until("it to be known to have no objects", Cache::synced)
        .await;
    assert!(sought.cache.is_missing() && sought.cache.is_empty());
    serve(&stage, &definition, true).await;
    sought.has(&stage, "one").await;
    assert!(!sought.cache.is_missing());

    // To one that has seen it, the object does not go with the version.
    serve(&stage, &definition, false).await;
    let is_veileds = |call: &Call| call.about == "veileds";
    stage.proxy().cut_watches(is_veileds);
    sought.until("the kind to go", Cache::is_missing).await;
    assert!(sought.cache.get(&stage.key("one")).is_some());
    uninstall(&stage, &definition).await;
}

/// As what stands before an API server may answer while that is away.
#[tokio::test]
async fn answers_that_nothing_at_all_is_found_say_nothing_of_a_kind() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let not_found = kubernetes::refusal(StatusCode::NOT_FOUND, "NotFound", "no such page");
    let refused = stage
        .proxy()
        .rule(Rule::when(|_: &Call| true, Action::Answer(not_found)));
    let sought = Sought::<Gadget>::start(&stage);
    let asked = |_: &Cache<Whole<Gadget>>| refused.hits() >= 4 * LOOKS;
    sought.until("it to be asked for", asked).await;
    assert!(!sought.cache.synced(), "no API server has said so");
    refused.remove();
    sought.has(&stage, "one").await;
}

/// As one of several API servers may answer that has not heard of the definition yet.
#[tokio::test]
async fn an_answer_that_the_kind_is_not_served_takes_no_object_away() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let is_gadgets = |call: &Call| call.about == "gadgets";
    let unknown = || {
        Action::Answer(kubernetes::refusal(
            StatusCode::NOT_FOUND,
            "NotFound",
            "404 page not found",
        ))
    };
    let refused = stage.proxy().rule(Rule::when(is_gadgets, unknown()));
    let sought = Sought::<Gadget>::start(&stage);
    let asked = |_: &Cache<Whole<Gadget>>| refused.hits() >= 2 * LOOKS;
    sought.until("it to be asked for", asked).await;
    assert!(!sought.cache.synced(), "it is defined");
    refused.remove();
    sought.has(&stage, "one").await;

    let refused = stage.proxy().rule(Rule::when(is_gadgets, unknown()));
    stage.proxy().cut_watches(is_gadgets);
    let asked = |_: &Cache<Whole<Gadget>>| refused.hits() >= 2 * LOOKS;
    sought.until("it to be asked for", asked).await;
    assert!(sought.cache.get(&stage.key("one")).is_some() && sought.cache.is_missing());
    refused.remove();
    stage.delete("one").await;
    sought.until("the object to go", Cache::is_empty).await;
    assert!(!sought.cache.is_missing());
}
