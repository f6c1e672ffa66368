//! The write budget: who waits for it, and for how long.

use std::{num::NonZeroU32, pin::pin, time::Duration};

use harness::{
    proxy::{Action, Gate, Point, Rule, Verb},
    wait::{PATIENCE, until},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Resource, ResourceExt, api::ListParams};
use operator_core::{
    cluster::{
        budget::WriteBudget,
        events::{Events, Happening, Reporter, Severity},
        leading::Leading,
        secrets::{OwnSecret, Wanted},
        write::{Target, WriteError, Writer},
    },
    decide::{budget::Limits, clock::Clock, key::ObjectKey},
};
use parking_lot::Mutex;
use secrecy::SecretSlice;
use serde_json::json;

use crate::{
    gadget::{self, Gadget, GadgetStatus},
    stage::{self, Stage},
};

const HOUR: Duration = Duration::from_secs(3600);
const OPERATOR: &str = "gadget-operator";

/// Writes of which a few are allowed at once, and one more each hour: so long that only the test's clock can
/// bring it.
struct Desk {
    stage: Stage,
    clock: Clock,
    budget: WriteBudget,
    writer: Writer,
    leading: Leading,
    gadget: Mutex<Gadget>,
}

impl Desk {
    async fn new(burst: u32) -> Self {
        let (stage, clock) = (Stage::new().await, Clock::system());
        let limits = Limits {
            interval: HOUR,
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let budget = WriteBudget::limited(limits, clock.clone());
        Self {
            writer: Writer::new(stage.client.clone(), OPERATOR).within(budget.clone()),
            leading: Leading::always(clock.clone()),
            gadget: Mutex::new(stage.create("one", 1).await),
            stage,
            clock,
            budget,
        }
    }

    /// Writes that the gadget was seen so often.
    async fn see(&self, times: i64) -> Result<(), WriteError> {
        let status = GadgetStatus {
            seen: Some(times),
            ..GadgetStatus::default()
        };
        let gadget = self.gadget();
        let written = self.writer.patch_status(&self.leading, &gadget, &status);
        *self.gadget.lock() = written.await?.expect("it was seen more often");
        Ok(())
    }

    fn gadget(&self) -> Gadget {
        self.gadget.lock().clone()
    }

    fn writes(&self) -> usize {
        self.stage.proxy().counts().of(Verb::Write)
    }

    /// A write that needs an hour.
    async fn waits(&self, what: &str, write: impl Future<Output = ()>) {
        let before = self.writes();
        let mut write = pin!(write);
        // Reading is not limited, and takes as long as a write that does not wait would.
        let look_around = async {
            let api: Api<Gadget> =
                Api::namespaced(self.stage.client.clone(), self.stage.namespace.name());
            for _ in 0..5 {
                api.list(&ListParams::default()).await.unwrap();
            }
        };
        tokio::select! {
            () = &mut write => panic!("{what} did not wait"),
            () = look_around => {}
        }
        assert_eq!(self.writes(), before, "{what} was sent too early");
        self.clock.advance(HOUR);
        write.await;
        assert_eq!(self.writes(), before + 1, "{what}");
    }
}

#[tokio::test]
async fn after_a_burst_a_write_waits_for_the_clock() {
    let desk = Desk::new(2).await;
    desk.see(1).await.unwrap();
    desk.see(2).await.unwrap();
    assert_eq!((desk.writes(), desk.budget.waited() < HOUR), (2, true));
    let third = async { desk.see(3).await.unwrap() };
    desk.waits("the third write", third).await;
    assert!(desk.budget.waited() >= HOUR, "{:?}", desk.budget.waited());
    let stored = desk.stage.gadgets().get("one").await.unwrap();
    assert_eq!(stored.status.unwrap().seen, Some(3));
}

#[tokio::test]
async fn whatever_is_written_is_within_the_budget() {
    let desk = Desk::new(1).await;
    let Desk {
        writer, leading, ..
    } = &desk;
    desk.see(1).await.unwrap();
    let status = async { desk.see(2).await.unwrap() };
    desk.waits("a status", status).await;
    let unread = async {
        let gadget = desk.gadget();
        let target = Target {
            key: &ObjectKey::of(&gadget),
            uid: &gadget.uid().unwrap(),
            resource_version: None,
        };
        let fields = json!({ "place": "here" });
        writer
            .patch_unread_status::<Gadget>(leading, target, &fields)
            .await
            .unwrap();
    };
    desk.waits("the status of an unreadable object", unread)
        .await;

    let current = desk.stage.gadgets().get("one").await.unwrap();
    let finalizer = async {
        writer
            .add_finalizer(leading, &current, "gadgets.example.com/mine")
            .await
            .unwrap();
    };
    desk.waits("a finalizer", finalizer).await;

    let mut child = ConfigMap::default();
    child.metadata.name = Some("child".to_owned());
    let applied = async {
        writer
            .apply_child(leading, &desk.gadget(), child)
            .await
            .unwrap();
    };
    desk.waits("a child", applied).await;

    let secret = OwnSecret::new(desk.stage.key("own"), writer.clone());
    let holding = |value: &str| -> Wanted {
        let value: SecretSlice<u8> = value.as_bytes().to_vec().into();
        [("key", Some(value))].into()
    };
    let created = async {
        secret
            .create(leading, "Opaque", &holding("first"))
            .await
            .unwrap();
    };
    desk.waits("a new Secret", created).await;
    let stored = secret.read().await.unwrap().unwrap();
    let changed = async {
        let wanted = holding("second");
        assert!(secret.change(leading, &stored, &wanted).await.unwrap());
    };
    desk.waits("a changed Secret", changed).await;

    let reporter = Reporter {
        controller: OPERATOR.to_owned(),
        instance: "pod-0".to_owned(),
    };
    let (events, event_writer) =
        Events::new(desk.stage.client.clone(), desk.clock.clone(), reporter);
    let writing = tokio::spawn(event_writer.within(desk.budget.clone()).run());
    let event = async {
        let happening = Happening {
            severity: Severity::Normal,
            reason: gadget::SEEN,
            action: "See",
            note: "it was seen".to_owned(),
        };
        events.publish(leading, desk.gadget().object_ref(&()), happening);
        let written = || async { events.counts().written == 1 };
        until("the event", PATIENCE, written).await.unwrap();
    };
    desk.waits("an event", event).await;
    drop(events);
    writing.await.unwrap();
}

#[tokio::test]
async fn patience_with_the_api_server_begins_when_a_write_is_sent() {
    let desk = Desk::new(1).await;
    desk.see(1).await.unwrap();
    let gate = Gate::new();
    desk.stage.proxy().rule(Rule::when(
        |call| call.verb == Verb::Write,
        Action::Hold(Point::Before, gate.clone()),
    ));
    let mut write = pin!(desk.see(2));
    assert!(futures::poll!(&mut write).is_pending());
    desk.clock.advance(HOUR);
    tokio::select! {
        done = &mut write => panic!("an hour in the line counts for nothing: {done:?}"),
        () = stage::arrived(&gate) => {}
    }
    desk.clock.advance(HOUR);
    let error = write.await.unwrap_err();
    assert!(matches!(error, WriteError::Unanswered), "{error:?}");
}
