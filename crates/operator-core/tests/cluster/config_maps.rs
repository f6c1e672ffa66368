//! ConfigMaps: texts that are there without asking, the latest that there is, and never "missing" for not having
//! been asked for yet.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use harness::{
    proxy::{
        Action, Call, Gate, Point, Rule,
        kubernetes::{self, Attributes, refusal},
    },
    wait::{PATIENCE, until},
};
use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    cluster::config_maps::{ConfigTexts, NoText},
    decide::{clock::Clock, key::ObjectKey},
};
use parking_lot::Mutex;
use rstest::rstest;
use serde_json::json;

use crate::stage::{self, Stage};

/// A ConfigMap, and the users that were told of it.
type Told = (String, Vec<String>);

struct Library {
    stage: Stage,
    clock: Clock,
    texts: ConfigTexts,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Library {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let clock = Clock::system();
        let texts = ConfigTexts::new(stage.client.clone(), clock.clone(), {
            let told = told.clone();
            move |config_map, users| {
                let users = users.iter().map(|user| user.name.to_string()).collect();
                told.lock().push((config_map.name.to_string(), users));
            }
        });
        Self {
            stage,
            clock,
            texts,
            told,
        }
    }

    fn track(&self, user: &str, config_maps: &[ObjectKey]) {
        let config_maps = config_maps.iter().cloned().collect::<BTreeSet<_>>();
        self.texts.track(&self.stage.key(user), config_maps);
    }

    async fn settled(&self) {
        let settled = tokio::time::timeout(PATIENCE, self.texts.wait_settled());
        settled.await.expect("everything is looked up");
    }

    async fn followed(&self, namespace: &str) {
        until("the namespace to be followed", PATIENCE, || async {
            let state = self.texts.state();
            state.get(namespace).is_some_and(|state| state.watch.synced)
        })
        .await
        .unwrap();
    }

    fn text(&self, config_map: &str) -> Result<String, NoText> {
        let text = self.texts.text(&self.stage.key(config_map), Some("key"));
        text.map(|text| text.to_string())
    }

    async fn becomes(&self, config_map: &str, expected: Option<&str>) {
        let what = format!("{config_map} to hold {expected:?}");
        until(&what, PATIENCE, || async {
            match self.text(config_map) {
                Ok(text) if Some(&*text) == expected => Ok(()),
                Err(NoText::NoConfigMap { .. }) if expected.is_none() => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .await
        .unwrap();
    }

    /// Waits until this was told, and forgets it.
    async fn told(&self, expected: &[Told]) {
        until(&format!("{expected:?} to be told"), PATIENCE, || async {
            let told = self.told.lock();
            if *told == expected {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await
        .unwrap();
        self.told.lock().clear();
    }

    /// The same as [`becomes`](Self::becomes), while time flies.
    async fn becomes_in_time(&self, config_map: &str, expected: &str) {
        until("the text to be read again", PATIENCE, || async {
            self.clock.advance(Duration::from_secs(30));
            self.text(config_map).as_deref() == Ok(expected)
        })
        .await
        .unwrap();
    }

    fn api(&self) -> Api<ConfigMap> {
        Api::namespaced(self.stage.others.clone(), self.stage.namespace.name())
    }

    async fn create(&self, name: &str, text: &str) {
        let mut config_map = ConfigMap::default();
        config_map.metadata.name = Some(name.to_owned());
        config_map.data = Some([("key".to_owned(), text.to_owned())].into());
        let (api, params) = (self.api(), PostParams::default());
        api.create(&params, &config_map).await.unwrap();
    }

    async fn edit(&self, name: &str, text: &str) {
        let patch = Patch::Merge(json!({ "data": { "key": text } }));
        let (api, params) = (self.api(), PatchParams::default());
        api.patch(name, &params, &patch).await.unwrap();
    }

    async fn delete(&self, name: &str) {
        let (api, params) = (self.api(), DeleteParams::default());
        api.delete(name, &params).await.unwrap();
    }

    fn watches(&self) -> Vec<String> {
        let open = self.stage.proxy().open_watches();
        let namespace = |call: &Arc<Call>| Attributes::of(call).unwrap().namespace;
        let mut watches: Vec<_> = open.iter().map(namespace).collect();
        watches.sort();
        watches
    }

    async fn watched(&self, expected: &[&str]) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        until("the watches", PATIENCE, || async {
            let watches = self.watches();
            if watches == expected {
                Ok(())
            } else {
                Err(format!("{watches:?}"))
            }
        })
        .await
        .unwrap();
    }
}

fn is_read(call: &Call) -> bool {
    Attributes::of(call).is_some_and(|it| it.verb == "get" && it.resource == "configmaps")
}

fn is_list(call: &Call) -> bool {
    kubernetes::is_list(call) && call.about == "configmaps"
}

fn told(config_map: &str, users: &[&str]) -> Told {
    let users = users.iter().map(|&user| user.to_owned()).collect();
    (config_map.to_owned(), users)
}

#[tokio::test]
async fn a_text_is_there_after_the_first_reference_and_follows_every_change() {
    let library = Library::new().await;
    assert!(library.texts.settled(), "nobody refers to anything");
    library.create("docs", "old").await;
    library.create("other", "other").await;
    let (docs, other) = (library.stage.key("docs"), library.stage.key("other"));
    library.track("one", std::slice::from_ref(&docs));
    library.settled().await;
    assert_eq!(library.text("docs").as_deref(), Ok("old"));
    library.told(&[told("docs", &["one"])]).await;
    library.track("two", &[docs.clone(), other]);
    library.settled().await;
    assert_eq!(library.text("other").as_deref(), Ok("other"));
    library.told(&[told("other", &["two"])]).await;

    library.edit("docs", "new").await;
    library.becomes("docs", Some("new")).await;
    library.told(&[told("docs", &["one", "two"])]).await;
    library.track("one", &[]);
    library.edit("docs", "newer").await;
    library.becomes("docs", Some("newer")).await;
    library.told(&[told("docs", &["two"])]).await;
    library.delete("docs").await;
    library.becomes("docs", None).await;
    library.create("docs", "again").await;
    library.becomes("docs", Some("again")).await;
    let two = told("docs", &["two"]);
    library.told(&[two.clone(), two]).await;
}

#[tokio::test]
async fn what_is_not_there_is_looked_up_and_appears() {
    let library = Library::new().await;
    library.track("one", &[library.stage.key("late")]);
    library.settled().await;
    let missing = library.text("late").unwrap_err();
    let words = format!(
        "ConfigMap {}/late is not there",
        library.stage.namespace.name()
    );
    assert_eq!(missing.to_string(), words);
    library.create("late", "here").await;
    library.becomes("late", Some("here")).await;
}

#[tokio::test]
async fn before_it_was_looked_up_nothing_is_missing() {
    let library = Library::new().await;
    library.create("docs", "text").await;
    let gate = Gate::new();
    let held = Action::Hold(Point::Before, gate.clone());
    library.stage.proxy().rule(Rule::when(is_read, held));
    library.track("one", &[library.stage.key("docs")]);
    stage::arrived(&gate).await;
    assert!(!library.texts.settled());
    assert!(matches!(library.text("docs"), Err(NoText::Unknown { .. })));
    assert!(library.told.lock().is_empty());
    gate.open();
    library.settled().await;
    assert_eq!(library.text("docs").as_deref(), Ok("text"));
}

#[tokio::test]
async fn what_nobody_refers_to_any_more_is_not_waited_for() {
    let library = Library::new().await;
    let gate = Gate::new();
    let held = Action::Hold(Point::Before, gate.clone());
    library.stage.proxy().rule(Rule::when(is_read, held));
    library.track("one", &[library.stage.key("docs")]);
    stage::arrived(&gate).await;
    library.track("one", &[]);
    assert!(library.texts.settled());
}

/// The answer to the first read is under way while the ConfigMap changes, and its change comes first.
#[rstest]
#[case::by_an_edit(true)]
#[case::by_its_creation(false)]
#[tokio::test]
async fn an_answer_that_was_overtaken_is_not_believed(#[case] exists: bool) {
    let library = Library::new().await;
    if exists {
        library.create("docs", "old").await;
    }
    let (read, listed) = (Gate::new(), Gate::new());
    let proxy = library.stage.proxy();
    let answer_held = Action::Hold(Point::After, read.clone());
    proxy.rule(Rule::when(is_read, answer_held).once());
    let list_held = Action::Hold(Point::Before, listed.clone());
    proxy.rule(Rule::when(is_list, list_held).once());
    library.track("one", &[library.stage.key("docs")]);
    stage::arrived(&read).await;
    stage::arrived(&listed).await;
    if exists {
        library.edit("docs", "new").await;
    } else {
        library.create("docs", "new").await;
    }
    listed.open();
    library.followed(library.stage.namespace.name()).await;
    read.open();
    library.settled().await;
    assert_eq!(library.text("docs").as_deref(), Ok("new"));
    library.told(&[told("docs", &["one"])]).await;
}

#[rstest]
#[case::it_cannot_answer(Action::Answer(refusal(
    StatusCode::SERVICE_UNAVAILABLE,
    "ServiceUnavailable",
    "later"
)))]
#[case::it_is_away(Action::DropBefore)]
#[tokio::test]
async fn while_the_api_server_cannot_be_asked_what_is_known_stays(#[case] fault: Action) {
    let library = Library::new().await;
    library.create("known", "old").await;
    library.create("unknown", "text").await;
    library.track("one", &[library.stage.key("known")]);
    library.settled().await;
    library.followed(library.stage.namespace.name()).await;

    let proxy = library.stage.proxy();
    let failing = proxy.rule(Rule::when(is_read, fault));
    library.edit("known", "new").await;
    library.track("two", &[library.stage.key("unknown")]);
    until("both to fail", PATIENCE, || async { failing.hits() >= 2 })
        .await
        .unwrap();
    assert!(!library.texts.settled());
    assert_eq!(library.text("known").as_deref(), Ok("old"));
    proxy.clear_rules();
    library.becomes_in_time("known", "new").await;
    library.becomes_in_time("unknown", "text").await;
    library.settled().await;
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_is_asked_about_again() {
    let library = Library::new().await;
    library.create("docs", "text").await;
    let forbidden = refusal(StatusCode::FORBIDDEN, "Forbidden", "you may not");
    let rule = Rule::when(is_read, Action::Answer(forbidden));
    library.stage.proxy().rule(rule);
    library.track("one", &[library.stage.key("docs")]);
    library.settled().await;
    let refused = library.text("docs").unwrap_err().to_string();
    assert!(
        refused.ends_with("cannot be read: you may not"),
        "{refused}"
    );
    library.stage.proxy().clear_rules();
    library.becomes_in_time("docs", "text").await;
}

#[tokio::test]
async fn only_namespaces_with_references_are_followed_and_no_text_is_listed() {
    let library = Library::new().await;
    library.create("docs", "text").await;
    let own = library.stage.namespace.name();
    let other = library.stage.cluster.namespace("other").await.unwrap();
    assert!(
        library.stage.proxy().requests().is_empty(),
        "nothing is asked before somebody refers"
    );
    let (docs, far) = (
        library.stage.key("docs"),
        ObjectKey::new(other.name(), "far"),
    );
    library.track("one", &[docs.clone(), far]);
    library.track("two", std::slice::from_ref(&docs));
    library.watched(&[own, other.name()]).await;
    library.settled().await;
    assert_eq!(library.texts.state()[own].referenced, 1);
    library.track("one", &[docs]);
    library.watched(&[own]).await;
    library.track("one", &[]);
    library.track("two", &[]);
    library.watched(&[]).await;
    assert!(library.texts.state().is_empty());
    assert!(matches!(library.text("docs"), Err(NoText::Unknown { .. })));

    let is_whole = |call: &Call| {
        let accepts = call.headers.get("accept");
        !accepts.is_some_and(|it| it.to_str().unwrap().contains("as=PartialObjectMetadata"))
    };
    let requests = library.stage.proxy().requests();
    let whole = requests.iter().filter(|request| is_whole(&request.call));
    let verbs: BTreeSet<_> = whole
        .map(|request| Attributes::of(&request.call).unwrap().verb.to_string())
        .collect();
    assert_eq!(verbs, BTreeSet::from(["get".to_owned()]));
}

#[tokio::test]
async fn watches_and_reads_end_with_the_last_clone() {
    let library = Library::new().await;
    library.track("one", &[library.stage.key("docs")]);
    library.settled().await;
    library.watched(&[library.stage.namespace.name()]).await;
    let Library { stage, texts, .. } = library;
    let clone = texts.clone();
    drop(texts);
    assert_eq!(stage.proxy().open_watches().len(), 1);
    drop(clone);
    until("no watch", PATIENCE, || async {
        stage.proxy().open_watches().is_empty()
    })
    .await
    .unwrap();
}
