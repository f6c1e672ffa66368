//! The proxy before a real API server, as a kube client sees it.

use std::pin::pin;

use futures::{Stream, StreamExt};
use harness::proxy::kubernetes::{Attributes, refusal, watch_expired};
use harness::proxy::{Action, Call, Outcome, Rule, Verb};
use harness::{ApiProxy, Cluster, ControlPlane, Namespace, UserRules};
use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Error, ResourceExt};
use serde_json::json;

struct Scene {
    namespace: Namespace,
    proxy: ApiProxy,
    through: Api<ConfigMap>,
    around: Api<ConfigMap>,
}

impl Scene {
    async fn new() -> Self {
        let cluster = ControlPlane::shared().await.unwrap();
        let namespace = cluster.namespace("proxy").await.unwrap();
        let proxy = ApiProxy::start(&cluster.config()).await.unwrap();
        let client = Client::try_from(proxy.config()).unwrap();
        Self {
            through: Api::namespaced(client, namespace.name()),
            around: namespace.api().unwrap(),
            namespace,
            proxy,
        }
    }

    async fn create(&self, name: &str) -> Result<ConfigMap, Error> {
        let post = PostParams::default();
        self.through.create(&post, &config_map(name)).await
    }

    /// The names of the objects in the namespace, as they appear or change.
    fn names(&self) -> impl Stream<Item = String> + use<> {
        let events = watcher(self.through.clone(), watcher::Config::default());
        // A failed watch shows as an error, and the watcher goes on: the tests make it fail.
        events.filter_map(async |event| match event {
            Ok(Event::Apply(map) | Event::InitApply(map)) => Some(map.name_any()),
            Ok(Event::Init | Event::InitDone | Event::Delete(_)) | Err(_) => None,
        })
    }
}

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

fn code(error: Error) -> u16 {
    match error {
        Error::Api(status) => status.code,
        other => panic!("{other:?}"),
    }
}

async fn next_is(names: &mut (impl Stream<Item = String> + Unpin), wanted: &str) {
    while names.next().await.expect("a watcher never ends") != wanted {}
}

#[tokio::test]
async fn a_client_works_through_it_and_is_on_record() {
    let scene = Scene::new().await;
    scene.create("one").await.unwrap();
    let patch = Patch::Merge(json!({"data": {"key": "value"}}));
    let patched = scene
        .through
        .patch("one", &PatchParams::default(), &patch)
        .await;
    assert_eq!(patched.unwrap().data.unwrap()["key"], "value");
    assert!(scene.around.get("one").await.is_ok());

    let counts = scene.proxy.proxy().counts();
    assert_eq!(counts.about(Verb::Write, "configmaps"), 2);
    let requests = scene.proxy.proxy().requests();
    assert_eq!(requests[0].outcome, Outcome::Answered(StatusCode::CREATED));
    let sent: serde_json::Value = serde_json::from_slice(&requests[0].call.body).unwrap();
    assert_eq!(sent["metadata"]["name"], "one");
    let patch = Attributes::of(&requests[1].call).unwrap();
    assert_eq!(
        (patch.verb, patch.resource.as_str()),
        ("patch", "configmaps")
    );
    assert_eq!(patch.namespace, scene.namespace.name());
}

#[tokio::test]
async fn each_user_remains_who_it_is() {
    let scene = Scene::new().await;
    let cluster = ControlPlane::shared().await.unwrap();
    let reading = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["configmaps".into()]),
        verbs: vec!["get".into()],
        ..PolicyRule::default()
    };
    let rules = UserRules {
        namespaced: vec![(scene.namespace.name().into(), vec![reading])],
        ..UserRules::default()
    };
    let user = cluster.user("reader", rules).await.unwrap();
    scene.create("one").await.unwrap();

    let config = scene.proxy.config_for(&user.config()).unwrap();
    let client = Client::try_from(config).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, scene.namespace.name());
    maps.get("one").await.unwrap();
    let created = maps
        .create(&PostParams::default(), &config_map("two"))
        .await;
    let Error::Api(status) = created.unwrap_err() else {
        panic!("not the API server's refusal");
    };
    assert_eq!(status.code, 403);
    assert!(status.message.contains(user.name()), "{}", status.message);
}

#[tokio::test]
async fn a_watch_passes_is_cut_and_recovers() {
    let scene = Scene::new().await;
    let mut names = pin!(scene.names());
    scene.create("before").await.unwrap();
    next_is(&mut names, "before").await;
    let proxy = scene.proxy.proxy();
    // The list may have had the object already: then the watch is still to come.
    loop {
        tokio::select! {
            _ = proxy.settled(|call| call.verb == Verb::Watch) => break,
            _ = names.next() => {}
        }
    }

    let is_map = |call: &Call| call.about == "configmaps";
    assert_eq!(proxy.cut_watches(is_map), 1);
    scene.create("after").await.unwrap();
    next_is(&mut names, "after").await;
    assert_eq!(proxy.counts().about(Verb::Watch, "configmaps"), 2);
}

#[tokio::test]
async fn a_forgotten_version_makes_a_watcher_list_again() {
    let scene = Scene::new().await;
    let expired = Action::Answer(watch_expired());
    let rule = Rule::when(|call| call.verb == Verb::Watch, expired).once();
    let hit = scene.proxy.proxy().rule(rule);
    let mut names = pin!(scene.names());
    scene.create("one").await.unwrap();
    next_is(&mut names, "one").await;
    scene.create("two").await.unwrap();
    next_is(&mut names, "two").await;
    assert_eq!(hit.hits(), 1);
    let lists = scene.proxy.proxy().counts().about(Verb::Read, "configmaps");
    assert_eq!(lists, 2);
}

#[tokio::test]
async fn a_lost_answer_and_a_refusal_reach_the_client() {
    let scene = Scene::new().await;
    let creation = |call: &Call| call.method == "POST";
    let lost = Rule::when(creation, Action::DropAfter).once();
    scene.proxy.proxy().rule(lost);
    let error = scene.create("one").await.unwrap_err();
    assert!(!matches!(error, Error::Api(_)), "{error:?}");
    assert!(scene.around.get("one").await.is_ok(), "it has happened");
    assert_eq!(code(scene.create("one").await.unwrap_err()), 409);

    let busy = refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "later");
    let rule = Rule::when(creation, Action::Answer(busy)).once();
    scene.proxy.proxy().rule(rule);
    assert_eq!(code(scene.create("two").await.unwrap_err()), 429);
    assert_eq!(code(scene.around.get("two").await.unwrap_err()), 404);
}

#[tokio::test]
async fn it_survives_a_restart_of_the_api_server() {
    let cluster = ControlPlane::start().await.unwrap();
    let proxy = ApiProxy::start(&cluster.config()).await.unwrap();
    let client = Client::try_from(proxy.config()).unwrap();
    client.apiserver_version().await.unwrap();

    cluster.stop_api_server().await;
    client.apiserver_version().await.unwrap_err();
    let last = proxy.proxy().requests().pop().unwrap();
    assert!(matches!(last.outcome, Outcome::Failed(_)), "{last:?}");

    cluster.start_api_server().await.unwrap();
    client.apiserver_version().await.unwrap();
}

#[tokio::test]
async fn a_process_reaches_it_by_a_kubeconfig() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let cluster = ControlPlane::shared().await.unwrap();
    let user = cluster.user("nobody", UserRules::default()).await.unwrap();
    scene.proxy.write_kubeconfig(&user.config(), &file).unwrap();

    let read = Cluster::from_kubeconfig(&file).await.unwrap();
    assert_eq!(read.url(), scene.proxy.proxy().url());
    let maps: Api<ConfigMap> = Api::namespaced(read.client().unwrap(), scene.namespace.name());
    let Error::Api(status) = maps.get("one").await.unwrap_err() else {
        panic!("not the API server's refusal");
    };
    assert!(status.message.contains(user.name()), "{}", status.message);
}
