//! Events as `kubectl describe` shows them, and what keeps them few.

use std::time::Duration;

use harness::{
    UserRules,
    proxy::{Action, Gate, Point, Rule, kubernetes::Attributes},
    wait::{PATIENCE, until},
};
use k8s_openapi::api::{core::v1::ObjectReference, events::v1::Event, rbac::v1::PolicyRule};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams},
};
use operator_core::{
    cluster::{
        events::{EventCounts, Events, Happening, Reporter, Severity},
        leading::Leading,
    },
    decide::clock::Clock,
};
use tokio::task::JoinHandle;

use crate::{
    gadget,
    stage::{self, Stage},
};

/// Events about one gadget, and the task that writes them.
struct Desk {
    stage: Stage,
    clock: Clock,
    leading: Leading,
    events: Events,
    regarding: ObjectReference,
    writer: JoinHandle<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Desk {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let client = stage.client.clone();
        Self::of(stage, client).await
    }

    async fn of(stage: Stage, client: Client) -> Self {
        let regarding = stage.create("one", 1).await.object_ref(&());
        let clock = Clock::system();
        let reporter = Reporter {
            controller: "gadget-operator".into(),
            instance: "pod-0".into(),
        };
        let (events, writer) = Events::new(client, clock.clone(), reporter);
        let leading = Leading::always(clock.clone());
        Self {
            stage,
            clock,
            leading,
            events,
            regarding,
            writer: tokio::spawn(writer.run()),
        }
    }

    fn publish(&self, note: &str) {
        let happening = Happening {
            severity: Severity::Warning,
            reason: gadget::BROKEN,
            action: "Mend",
            note: note.to_owned(),
        };
        self.events
            .publish(&self.leading, self.regarding.clone(), happening);
    }

    /// Waits until so many events have met their fate, and returns it.
    async fn settled(&self, count: u64) -> EventCounts {
        let settled = || async {
            let counts = self.events.counts();
            let sum = counts.written + counts.merged + counts.dropped();
            if sum == count {
                Ok(())
            } else {
                Err(format!("{counts:?}"))
            }
        };
        until("the events to be settled", PATIENCE, settled)
            .await
            .unwrap();
        self.events.counts()
    }

    fn api(&self) -> Api<Event> {
        Api::namespaced(self.stage.others.clone(), self.stage.namespace.name())
    }

    async fn stored(&self) -> Vec<Event> {
        let mut stored = self.api().list(&ListParams::default()).await.unwrap().items;
        stored.sort_by_key(|event| event.note.clone());
        stored
    }
}

#[tokio::test]
async fn an_event_says_what_happened_to_whom_and_who_says_so() {
    let desk = Desk::new().await;
    desk.publish("it fell down");
    assert_eq!(
        desk.settled(1).await,
        EventCounts {
            written: 1,
            ..EventCounts::default()
        }
    );
    let event = desk.stored().await.pop().unwrap();
    assert_eq!(event.regarding, Some(desk.regarding.clone()));
    let said = [
        event.type_,
        event.reason,
        event.action,
        event.note,
        event.reporting_controller,
    ];
    let said: Vec<_> = said.iter().flatten().collect();
    assert_eq!(
        said,
        [
            "Warning",
            "Broken",
            "Mend",
            "it fell down",
            "gadget-operator"
        ]
    );
    assert_eq!(event.reporting_instance.as_deref(), Some("pod-0"));
    assert!(event.event_time.is_some() && event.series.is_none());
    assert!(event.metadata.name.unwrap().starts_with("one."));

    let described = desk.stage.cluster.kubectl();
    let described = tokio::process::Command::from(described)
        .args([
            "describe",
            "gadget.gadgets.example.com",
            "one",
            "-n",
            desk.stage.namespace.name(),
        ])
        .output()
        .await
        .unwrap();
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(described.contains("it fell down"), "{described}");
}

#[tokio::test]
async fn a_note_of_any_length_is_taken() {
    let desk = Desk::new().await;
    desk.publish(&"é".repeat(4000));
    assert_eq!(desk.settled(1).await.written, 1);
    let note = desk.stored().await.pop().unwrap().note.unwrap();
    assert!(note.len() <= 1024 && note.ends_with('…'), "{}", note.len());
}

#[tokio::test]
async fn the_same_again_is_one_event_with_a_count() {
    let desk = Desk::new().await;
    desk.publish("again");
    desk.publish("again");
    desk.publish("once");
    desk.settled(3).await;
    desk.clock.advance(Duration::from_secs(60));
    desk.publish("again");
    assert_eq!(
        desk.settled(4).await,
        EventCounts {
            written: 3,
            merged: 1,
            ..EventCounts::default()
        }
    );
    let [again, once] = desk.stored().await.try_into().unwrap();
    let series = again.series.unwrap();
    assert_eq!(series.count, 3);
    assert!(series.last_observed_time > again.event_time.unwrap());
    assert!(once.series.is_none());
}

#[tokio::test]
async fn a_series_goes_on_after_its_event_has_expired() {
    let desk = Desk::new().await;
    desk.publish("again");
    desk.settled(1).await;
    let expired = desk.stored().await.pop().unwrap();
    desk.api()
        .delete(&expired.name_any(), &DeleteParams::default())
        .await
        .unwrap();
    desk.clock.advance(Duration::from_secs(60));
    desk.publish("again");
    assert_eq!(desk.settled(2).await.written, 2);
    assert_eq!(desk.stored().await.pop().unwrap().series.unwrap().count, 2);
}

#[tokio::test]
async fn an_object_has_so_many_events_and_no_more() {
    let desk = Desk::new().await;
    for n in 0..40 {
        desk.publish(&format!("note {n}"));
    }
    let counts = desk.settled(40).await;
    assert_eq!(
        counts,
        EventCounts {
            written: 25,
            limited: 15,
            ..EventCounts::default()
        }
    );
    assert_eq!(desk.stored().await.len(), 25);
}

#[tokio::test]
async fn nothing_is_written_without_the_right_or_an_answer() {
    let mut desk = Desk::new().await;
    let right = std::mem::replace(&mut desk.leading, stage::ended_term(&desk.stage).await);
    desk.publish("too late");
    assert_eq!(
        desk.settled(1).await,
        EventCounts {
            not_leading: 1,
            ..EventCounts::default()
        }
    );
    assert!(desk.stored().await.is_empty());

    desk.leading = right;
    let gate = Gate::new();
    let about_events = Rule::when(
        |call| call.about == "events",
        Action::Hold(Point::Before, gate.clone()),
    );
    desk.stage.proxy().rule(about_events);
    desk.publish("unheard");
    stage::arrived(&gate).await;
    // The writer is busy with an API server that does not answer; nobody waits for it.
    for n in 0..1100 {
        desk.publish(&format!("note {n}"));
    }
    assert_eq!(desk.events.counts().queue_full, 1100 - 1024);
    desk.clock.advance(Duration::from_secs(10));
    until("the write to be given up", PATIENCE, || async {
        desk.events.counts().failed >= 1
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn two_verbs_on_events_suffice() {
    let stage = Stage::new().await;
    let rule = PolicyRule {
        api_groups: Some(vec!["events.k8s.io".into()]),
        resources: Some(vec!["events".into()]),
        verbs: vec!["create".into(), "patch".into()],
        ..PolicyRule::default()
    };
    let namespaced = vec![(stage.namespace.name().to_owned(), vec![rule])];
    let user = stage
        .cluster
        .user(
            "reporter",
            UserRules {
                namespaced,
                ..UserRules::default()
            },
        )
        .await
        .unwrap();
    let client = stage.client_of(&user);
    let desk = Desk::of(stage, client).await;
    desk.publish("again");
    desk.settled(1).await;
    desk.clock.advance(Duration::from_secs(60));
    desk.publish("again");
    assert_eq!(desk.settled(2).await.written, 2);
    let asked: Vec<_> = desk
        .stage
        .proxy()
        .requests()
        .iter()
        .filter_map(|r| Some(Attributes::of(&r.call)?.verb))
        .collect();
    assert_eq!(asked, ["create", "patch"]);
}

#[tokio::test]
async fn what_was_published_is_written_before_the_writer_ends() {
    let stage = Stage::new().await;
    let regarding = stage.create("one", 1).await.object_ref(&());
    let clock = Clock::system();
    let reporter = Reporter {
        controller: "gadget-operator".into(),
        instance: "pod-0".into(),
    };
    let (events, writer) = Events::new(stage.client.clone(), clock.clone(), reporter);
    let happening = Happening {
        severity: Severity::Normal,
        reason: gadget::SEEN,
        action: "Stop",
        note: "the last word".into(),
    };
    events.publish(&Leading::always(clock), regarding, happening);
    drop(events);
    tokio::time::timeout(PATIENCE, writer.run())
        .await
        .expect("the writer ended");
    let api: Api<Event> = Api::namespaced(stage.others.clone(), stage.namespace.name());
    let stored = api.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(stored[0].note.as_deref(), Some("the last word"));
}
