//! The cache keeps up with the server whatever happens on the way.

use std::{collections::BTreeSet, sync::Arc};

use harness::{
    ControlPlane, UserRules,
    proxy::{Action, Call, Gate, Point, Rule, Verb, kubernetes},
    wait::{PATIENCE, until},
};
use http::StatusCode;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use operator_core::{
    cluster::cache::{Cache, Change, Scope, Whole},
    decide::{clock::Clock, key::ObjectKey},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    gadget::Gadget,
    stage::{self, Stage},
};

/// A running cache and what its observer was told.
struct Watched {
    cache: Arc<Cache<Whole<Gadget>>>,
    told: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watched {
    fn start(client: &Client, scope: Scope) -> Self {
        let cache = Arc::new(Cache::new("gadget", Clock::system()));
        let told = Arc::new(Mutex::new(Vec::new()));
        cache.observe(Box::new({
            let told = told.clone();
            move |key, change: &Change<'_, Gadget>| {
                let name = &key.name;
                told.lock().push(match change {
                    Change::Added(new) => format!("+{name}:{}", new.spec.size),
                    Change::Updated { old, new } => {
                        format!("{name}:{}>{}", old.spec.size, new.spec.size)
                    }
                    Change::Deleted(old) => format!("-{name}:{}", old.spec.size),
                    Change::Unreadable(unreadable) => format!("?{name}: {}", unreadable.error),
                    Change::UnreadableGone => format!("-?{name}"),
                });
            }
        }));
        let task = tokio::spawn({
            let (cache, client) = (cache.clone(), client.clone());
            async move { cache.run(client, scope).await }
        });
        Self { cache, told, task }
    }

    async fn synced(client: &Client, scope: Scope) -> Self {
        let watched = Self::start(client, scope);
        let synced = tokio::time::timeout(PATIENCE, watched.cache.wait_synced());
        synced.await.expect("the cache was synced");
        watched
    }

    /// Waits until the observer was told `expected`, and forgets it.
    async fn told(&self, expected: &[&str]) {
        let told = || async {
            let told = self.told.lock();
            if *told == expected {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        };
        until(
            &format!("the observer to be told {expected:?}"),
            PATIENCE,
            told,
        )
        .await
        .unwrap();
        self.told.lock().clear();
    }

    /// As [`told`](Self::told), where the order is the server's to choose.
    async fn told_in_any_order(&self, expected: [&str; 2]) {
        let told = || async { self.told.lock().len() >= expected.len() };
        until(
            &format!("the observer to be told {expected:?}"),
            PATIENCE,
            told,
        )
        .await
        .unwrap();
        self.told.lock().sort();
        self.told(&expected).await;
    }

    fn size(&self, key: &ObjectKey) -> Option<i64> {
        self.cache.get(key).map(|gadget| gadget.spec.size)
    }
}

fn only(stage: &Stage) -> Scope {
    Scope::Namespaces([stage.namespace.name().to_owned()].into())
}

fn is_watch(call: &Call) -> bool {
    call.verb == Verb::Watch && call.about == "gadgets"
}

fn is_list(call: &Call) -> bool {
    kubernetes::is_list(call) && call.about == "gadgets"
}

/// A watch that goes on from a version.
fn is_resumed(call: &Call) -> bool {
    is_watch(call) && !is_list(call)
}

/// Cuts the watch and keeps it away until the gate opens.
async fn cut(stage: &Stage) -> Gate {
    until("the watch to be open", PATIENCE, || async {
        stage.proxy().open_watches().len() == 1
    })
    .await
    .unwrap();
    let gate = Gate::new();
    let held = Rule::when(
        |call| is_watch(call) || is_list(call),
        Action::Hold(Point::Before, gate.clone()),
    );
    stage.proxy().rule(held);
    assert_eq!(stage.proxy().cut_watches(is_watch), 1);
    stage::arrived(&gate).await;
    gate
}

#[tokio::test]
async fn changes_are_told_in_order_and_kept_without_ballast() {
    let stage = Stage::new().await;
    stage.create("early", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+early:1"]).await;

    stage.create("late", 1).await;
    let applied = json!({ "metadata": { "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes",
    } }, "spec": { "size": 2 } });
    stage
        .gadgets()
        .patch("late", &PatchParams::default(), &Patch::Merge(applied))
        .await
        .unwrap();
    stage.delete("early").await;
    watched.told(&["+late:1", "late:1>2", "-early:1"]).await;

    let late = watched.cache.get(&stage.key("late")).unwrap();
    assert_eq!(late.metadata.managed_fields, None);
    let annotations: Vec<_> = late.metadata.annotations.iter().flatten().collect();
    assert_eq!(annotations, [(&"kept".to_owned(), &"yes".to_owned())]);
    assert_eq!(watched.size(&stage.key("early")), None);
    assert_eq!(watched.cache.keys(), [stage.key("late")]);
}

#[tokio::test]
async fn what_happens_while_the_watch_is_cut_is_seen_afterwards() {
    let stage = Stage::new().await;
    stage.create("goes", 1).await;
    stage.create("stays", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+goes:1", "+stays:1"]).await;

    let gate = cut(&stage).await;
    stage.delete("goes").await;
    stage.resize("stays", 2).await;
    gate.open();
    watched.told(&["-goes:1", "stays:1>2"]).await;
}

/// Both forms in which a server says that it has forgotten the version to go on from.
#[rstest::rstest]
#[case::as_an_event(Action::Answer(kubernetes::watch_expired()))]
#[case::as_an_answer(Action::Answer(kubernetes::refusal(
    StatusCode::GONE,
    "Expired",
    "too old resource version"
)))]
#[tokio::test]
async fn what_vanished_before_a_new_list_is_told(#[case] expired: Action) {
    let stage = Stage::new().await;
    for name in ["goes", "again", "stays"] {
        stage.create(name, 1).await;
    }
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+again:1", "+goes:1", "+stays:1"]).await;

    until("the watch to be open", PATIENCE, || async {
        stage.proxy().open_watches().len() == 1
    })
    .await
    .unwrap();
    let gate = Gate::new();
    stage.proxy().rule(Rule::when(
        is_list,
        Action::Hold(Point::Before, gate.clone()),
    ));
    stage.proxy().rule(Rule::when(is_resumed, expired).once());
    assert_eq!(stage.proxy().cut_watches(is_watch), 1);
    stage::arrived(&gate).await;
    stage.delete("goes").await;
    stage.delete("again").await;
    stage.create("again", 2).await;
    gate.open();
    watched.told(&["-again:1", "+again:2", "-goes:1"]).await;
    assert!(watched.cache.errors() >= 1 && watched.cache.synced());
    assert!(
        watched
            .cache
            .state()
            .last_error
            .unwrap()
            .contains("too old resource version")
    );
}

#[tokio::test]
async fn a_restart_of_the_api_server_is_survived() {
    let control_plane = ControlPlane::start().await.unwrap();
    let stage = Stage::on(&control_plane).await;
    stage.create("goes", 1).await;
    stage.create("stays", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+goes:1", "+stays:1"]).await;

    let gate = cut(&stage).await;
    stage.delete("goes").await;
    control_plane.stop_api_server().await;
    gate.open();
    until("the cache to see the outage", PATIENCE, || async {
        watched.cache.errors() > 0
    })
    .await
    .unwrap();
    assert!(
        watched.cache.synced() && watched.size(&stage.key("stays")) == Some(1),
        "it goes on serving"
    );
    control_plane.start_api_server().await.unwrap();
    stage.resize("stays", 2).await;
    watched.told_in_any_order(["-goes:1", "stays:1>2"]).await;
    control_plane.stop().await;
}

#[tokio::test]
async fn an_unreadable_object_is_told_and_stops_nobody_else() {
    let stage = Stage::new().await;
    let namespace = stage.namespace.name();
    stage::create(&stage.others, namespace, "odd", json!("large")).await;
    stage.create("plain", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    let error = r#"?odd: invalid type: string "large", expected i64"#;
    watched.told(&[error, "+plain:1"]).await;
    assert_eq!(
        (watched.cache.len(), watched.cache.state().unreadable),
        (1, 1)
    );

    stage.resize("plain", 2).await;
    watched.told(&["plain:1>2"]).await;
    let kind = ApiResource::erase::<Gadget>(&());
    let any: Api<DynamicObject> = Api::namespaced_with(stage.others.clone(), namespace, &kind);
    let write = async |name: &'static str, size: serde_json::Value| {
        let patch = Patch::Merge(json!({ "spec": { "size": size } }));
        any.patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    };
    write("odd", json!(3)).await;
    watched.told(&["+odd:3"]).await;
    write("plain", json!("huge")).await;
    watched
        .told(&[
            "-plain:2",
            r#"?plain: invalid type: string "huge", expected i64"#,
        ])
        .await;

    // A new list brings the same unreadable state again.
    let expired = Rule::when(is_watch, Action::Answer(kubernetes::watch_expired())).once();
    let expired = stage.proxy().rule(expired);
    stage.proxy().cut_watches(is_watch);
    until("a new list", PATIENCE, || async { expired.hits() == 1 })
        .await
        .unwrap();
    stage.delete("odd").await;
    watched.told(&["-odd:3"]).await;
    stage.delete("plain").await;
    watched.told(&["-?plain"]).await;
    assert_eq!(watched.cache.state().unreadable, 0);
}

#[tokio::test]
async fn namespaces_are_followed_with_a_role_in_each_and_no_other_is_seen() {
    let stage = Stage::new().await;
    let (second, third) = (
        stage.cluster.namespace("second").await.unwrap(),
        stage.cluster.namespace("third").await.unwrap(),
    );
    let rule = PolicyRule {
        api_groups: Some(vec!["gadgets.example.com".into()]),
        resources: Some(vec!["gadgets".into()]),
        verbs: vec!["list".into(), "watch".into()],
        ..PolicyRule::default()
    };
    let names = [stage.namespace.name(), second.name()];
    let namespaced = names
        .iter()
        .map(|name| (name.to_string(), vec![rule.clone()]))
        .collect();
    let user = stage
        .cluster
        .user(
            "watcher",
            UserRules {
                namespaced,
                ..UserRules::default()
            },
        )
        .await
        .unwrap();
    stage.create("one", 1).await;
    for namespace in [&second, &third] {
        stage::create(&stage.others, namespace.name(), "one", json!(7)).await;
    }

    // The second namespace is slow: the cache is not synced before it is listed too.
    let gate = Gate::new();
    let slow = second.name().to_owned();
    let in_second = move |call: &Call| is_list(call) && call.path.contains(&slow);
    stage.proxy().rule(Rule::when(
        in_second,
        Action::Hold(Point::Before, gate.clone()),
    ));
    let scope = Scope::Namespaces(
        names
            .iter()
            .map(|name| name.to_string())
            .collect::<BTreeSet<_>>(),
    );
    let watched = Watched::start(&stage.client_of(&user), scope);
    stage::arrived(&gate).await;
    watched.told(&["+one:1"]).await;
    assert!(!watched.cache.synced());
    gate.open();
    watched.told(&["+one:7"]).await;
    until("the cache to be synced", PATIENCE, || async {
        watched.cache.synced()
    })
    .await
    .unwrap();

    stage::create(&stage.others, third.name(), "two", json!(8)).await;
    stage::create(&stage.others, second.name(), "two", json!(9)).await;
    watched.told(&["+two:9"]).await;
    assert_eq!(watched.size(&ObjectKey::new(third.name(), "one")), None);
    assert_eq!(watched.cache.errors(), 0);
}

#[tokio::test]
async fn the_answer_to_our_own_write_counts_before_the_watch_brings_it() {
    let stage = Stage::new().await;
    stage.create("ours", 1).await;
    let stale = stage.create("stale", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+ours:1", "+stale:1"]).await;

    let gate = cut(&stage).await;
    stage.resize("ours", 2).await;
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "ours": "yes" } } }));
    let answer = stage
        .gadgets()
        .patch("ours", &PatchParams::default(), &patch)
        .await
        .unwrap();
    watched.cache.confirm(answer.clone());
    assert_eq!(watched.size(&stage.key("ours")), Some(2));
    watched.told(&["ours:1>2"]).await;

    watched.cache.confirm(answer);
    let created = stage.create("unknown", 5).await;
    watched.cache.confirm(created);
    stage.delete("stale").await;
    stage.create("stale", 2).await;
    gate.open();
    watched.told(&["+unknown:5", "-stale:1", "+stale:2"]).await;
    watched.cache.confirm(stale);
    assert_eq!(
        watched.size(&stage.key("stale")),
        Some(2),
        "an earlier life changes nothing"
    );
    assert_eq!(*watched.told.lock(), [""; 0]);
}

#[tokio::test]
async fn a_list_that_fails_is_tried_again_and_says_why() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let refusal = kubernetes::refusal(
        StatusCode::FORBIDDEN,
        "Forbidden",
        "gadgets is forbidden: no rule",
    );
    let refused = stage
        .proxy()
        .rule(Rule::when(is_list, Action::Answer(refusal)).times(2));
    let watched = Watched::start(&stage.client, only(&stage));
    until("an error", PATIENCE, || async {
        watched.cache.errors() > 0
    })
    .await
    .unwrap();
    let state = watched.cache.state();
    assert!(!state.synced, "nothing was listed");
    assert_eq!(
        state.last_error.as_deref(),
        Some("watch: gadgets is forbidden: no rule")
    );
    watched.told(&["+one:1"]).await;
    assert_eq!((refused.hits(), watched.cache.errors()), (2, 2));
}

/// As those do where the gate `WatchList` is off.
#[tokio::test]
async fn an_api_server_that_streams_no_lists_is_asked_for_pages() {
    let stage = Stage::new().await;
    let refused = stage.proxy().rule(kubernetes::no_streamed_lists());
    stage.create("one", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+one:1"]).await;
    stage.create("two", 2).await;
    watched.told(&["+two:2"]).await;
    assert_eq!((refused.hits(), watched.cache.errors()), (1, 0));
}

/// As its storage cannot tell whether its own cache is up to date, for instance; or it ends a client that is slow.
#[rstest::rstest]
#[case::it_says_so(Action::Answer(kubernetes::watch_failed()))]
#[case::it_ends_amid_the_list(Action::CutBody(1500))]
#[tokio::test]
async fn after_a_streamed_list_that_failed_pages_are_asked_for(#[case] fault: Action) {
    let stage = Stage::new().await;
    for name in ["one", "two", "three"] {
        stage.create(name, 1).await;
    }
    let streamed = |call: &Call| is_watch(call) && is_list(call);
    stage.proxy().rule(Rule::when(streamed, fault));
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+one:1", "+three:1", "+two:1"]).await;
    assert_eq!(watched.cache.errors(), 1);
    stage.delete("two").await;
    watched.told(&["-two:1"]).await;
}

/// What a list left out because it was cut is not gone.
#[tokio::test]
async fn a_list_that_was_cut_takes_nothing_away() {
    let stage = Stage::new().await;
    for name in ["one", "two", "three"] {
        stage.create(name, 1).await;
    }
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+one:1", "+three:1", "+two:1"]).await;

    let gate = cut(&stage).await;
    let streamed = |call: &Call| is_watch(call) && is_list(call);
    stage
        .proxy()
        .rule(Rule::when(is_resumed, Action::Answer(kubernetes::watch_expired())).once());
    stage
        .proxy()
        .rule(Rule::when(streamed, Action::CutBody(1500)).once());
    gate.open();
    stage.resize("two", 2).await;
    watched.told(&["two:1>2"]).await;
}

/// An API server that was replaced by one that streams no lists.
#[tokio::test]
async fn who_was_streamed_to_may_be_refused_later() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+one:1"]).await;
    let refused = stage.proxy().rule(kubernetes::no_streamed_lists());
    let expired = Action::Answer(kubernetes::watch_expired());
    stage.proxy().rule(Rule::when(is_resumed, expired).once());
    stage.proxy().cut_watches(is_watch);
    stage.delete("one").await;
    stage.create("two", 1).await;
    // The list may come before these, between them or after them.
    watched.told_in_any_order(["+two:1", "-one:1"]).await;
    assert_eq!(refused.hits(), 1);
}

#[tokio::test]
async fn a_list_is_one_request_and_of_what_is_there_now() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let watched = Watched::synced(&stage.client, only(&stage)).await;
    watched.told(&["+one:1"]).await;
    let requests = stage.proxy().requests();
    let of_gadgets = requests.iter().filter(|it| it.call.about == "gadgets");
    let queries: Vec<_> = of_gadgets
        .filter(|it| it.call.verb != Verb::Write)
        .map(|it| it.call.query.clone())
        .collect();
    assert_eq!(queries.len(), 1, "{queries:?}");
    assert!(!queries[0].contains("resourceVersion="), "{queries:?}");
}
