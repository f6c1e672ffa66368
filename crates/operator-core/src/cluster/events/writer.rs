//! The task that writes events.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{
    Counters, Queued, Reporter,
    limits::{Limits, Verdict},
};
use crate::{
    cluster::{
        budget::WriteBudget,
        leading::NotLeading,
        refusal::{code, explain},
        spans::{Ask, traced},
        text::shortened,
    },
    decide::{
        clock::{Clock, Moment},
        reason::Reason,
    },
};

/// The longest note, in bytes.
const MAX_NOTE: usize = 1024;
/// The longest name of an event, in bytes, less what sets it apart from others of its object.
const MAX_NAME: usize = 253 - ".0123456789abcdef".len();
/// Where events about cluster-scoped objects live.
const DEFAULT_NAMESPACE: &str = "default";
/// Of how many objects it is remembered what they caused.
const REMEMBERED: usize = 4096;
/// That events are not taken is warned of no more often than this.
const COMPLAINT: Duration = Duration::from_secs(600);
/// How long one write may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Writes events. Does nothing until it is [run](Self::run). Needs `create` and `patch` on
/// `events.events.k8s.io`.
pub struct EventWriter {
    client: Client,
    budget: WriteBudget,
    clock: Clock,
    reporter: Reporter,
    queue: mpsc::Receiver<Queued>,
    limits: Limits,
    counters: Arc<Counters>,
    complained: Option<Moment>,
}

impl EventWriter {
    pub(super) fn new(
        client: Client,
        clock: Clock,
        reporter: Reporter,
        queue: mpsc::Receiver<Queued>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            client,
            budget: WriteBudget::unlimited(),
            clock,
            reporter,
            queue,
            limits: Limits::new(REMEMBERED),
            counters,
            complained: None,
        }
    }

    /// The same, within a budget that it shares with whoever else holds it.
    pub fn within(self, budget: WriteBudget) -> Self {
        Self { budget, ..self }
    }

    /// Writes events until every [`Events`](super::Events) is gone and the last event is written.
    pub async fn run(mut self) {
        while let Some(queued) = self.queue.recv().await {
            let fate = self.take(queued).await;
            let counters = &self.counters;
            let counter = match fate {
                Fate::Written => &counters.written,
                Fate::Merged => &counters.merged,
                Fate::Limited => &counters.limited,
                Fate::NotLeading => &counters.not_leading,
                Fate::Failed => &counters.failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn take(&mut self, mut queued: Queued) -> Fate {
        queued.happening.note = shortened(queued.happening.note, MAX_NOTE);
        let uid = queued.regarding.uid.as_deref().unwrap_or_default();
        let object = queued.regarding.name.as_deref().unwrap_or_default();
        let name = || name_for(object).into();
        let written = match self
            .limits
            .judge(uid, &queued.happening, self.clock.now(), name)
        {
            Verdict::Merge => return Fate::Merged,
            Verdict::Refuse => return Fate::Limited,
            Verdict::Create(name) => self.create(&queued, &name, 1).await,
            Verdict::Continue { name, count } => self.go_on(&queued, &name, count).await,
        };
        match written {
            Ok(()) => Fate::Written,
            Err(Unwritten::NotLeading(_)) => Fate::NotLeading,
            Err(why) => {
                self.complain(queued.happening.reason, &why.to_string());
                Fate::Failed
            }
        }
    }

    fn complain(&mut self, reason: Reason, why: &str) {
        let now = self.clock.now();
        if self
            .complained
            .is_some_and(|moment| now.since(moment) < COMPLAINT)
        {
            debug!(reason = reason.as_str(), "an event was not taken: {why}");
        } else {
            warn!(reason = reason.as_str(), "events are not taken: {why}");
            self.complained = Some(now);
        }
    }

    /// Sends a write when it is its turn. Only from then on time counts against it.
    async fn send(
        &self,
        queued: &Queued,
        ask: Ask,
        write: impl Future<Output = kube::Result<Event>>,
    ) -> Result<(), Unwritten> {
        self.budget.admit(&queued.leading).await?;
        let deadline = self.clock.now() + TIMEOUT;
        let answer = self.clock.until(
            deadline,
            queued.leading.fence(traced::<Event, _>(ask, write)),
        );
        answer.await.ok_or(Unwritten::Unanswered)??.map(drop)?;
        Ok(())
    }

    async fn create(&self, queued: &Queued, name: &str, count: i32) -> Result<(), Unwritten> {
        let params = PostParams {
            field_manager: Some(self.reporter.controller.clone()),
            ..PostParams::default()
        };
        let (api, event) = (self.api(&queued.regarding), self.event(queued, name, count));
        self.send(queued, Ask::CREATE, api.create(&params, &event))
            .await
    }

    async fn go_on(&self, queued: &Queued, name: &str, count: i32) -> Result<(), Unwritten> {
        let params = PatchParams {
            field_manager: Some(self.reporter.controller.clone()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "series": series(queued, count) }));
        let api = self.api(&queued.regarding);
        let write = api.patch(name, &params, &patch);
        match self.send(queued, Ask::PATCH, write).await {
            // It has expired since, as events do, or could not be created.
            Err(Unwritten::Refused(error)) if code(&error) == Some(404) => {
                self.create(queued, name, count).await
            }
            sent => sent,
        }
    }

    fn event(&self, queued: &Queued, name: &str, count: i32) -> Event {
        let Queued {
            regarding,
            happening,
            wall,
            ..
        } = queued;
        Event {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace(regarding).to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(*wall)),
            series: series(queued, count),
            type_: Some(<&str>::from(happening.severity).to_owned()),
            reason: Some(happening.reason.to_string()),
            action: Some(happening.action.to_owned()),
            note: Some(happening.note.clone()),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(self.reporter.controller.clone()),
            reporting_instance: Some(shortened(self.reporter.instance.clone(), 128)),
            ..Event::default()
        }
    }

    fn api(&self, regarding: &ObjectReference) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace(regarding))
    }
}

/// Why an event was not written.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
    #[error("the API server did not answer in time")]
    Unanswered,
    #[error("{}", explain(.0))]
    Refused(#[from] kube::Error),
}

enum Fate {
    Written,
    Merged,
    Limited,
    NotLeading,
    Failed,
}

/// An event that happened once is no series.
fn series(queued: &Queued, count: i32) -> Option<EventSeries> {
    (count > 1).then_some(EventSeries {
        count,
        last_observed_time: MicroTime(queued.wall),
    })
}

fn namespace(regarding: &ObjectReference) -> &str {
    regarding.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
}

/// The object's name, as far as it fits, and a number that no other event of it has.
fn name_for(object: &str) -> String {
    let fits = object.floor_char_boundary(MAX_NAME);
    format!(
        "{}.{:016x}",
        object[..fits].trim_end_matches(['.', '-']),
        fastrand::u64(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_and_differs() {
        assert_ne!(name_for("photos"), name_for("photos"));
        assert!(name_for("photos").starts_with("photos."));
        let long = name_for(&format!("{}.{}", "a".repeat(235), "b".repeat(10)));
        assert!(long.len() <= 253 && !long.contains(".."), "{long}");
    }
}
