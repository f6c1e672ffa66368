//! What has come of widgets and edits, as seen by watches of the measuring program's own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use harness::{Namespace, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt,
        utils::Backoff,
        watcher::{self, watcher},
    },
};
use operator_core::decide::clock::{Clock, Moment};
use tokio::task::JoinSet;
use widget::Widget;

use super::PATIENCE;
use crate::spread::Times;

/// The measure's own watches come back at once: what they miss would count against whoever is measured.
struct AtOnce;

impl Iterator for AtOnce {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(20))
    }
}

impl Backoff for AtOnce {
    fn reset(&mut self) {}
}

/// What is seen at the moment.
#[derive(Default)]
pub struct State {
    /// Which revision each config map is of.
    revisions: HashMap<String, String>,
    /// Which widgets say of their present generation that they are ready, or that they are not.
    ready: HashMap<String, Option<bool>>,
    awaited: HashMap<String, (String, Moment)>,
    pub effects: Times,
}

impl State {
    /// How many config maps are of this revision.
    pub fn of_revision(&self, revision: &str) -> usize {
        self.revisions.values().filter(|it| *it == revision).count()
    }

    /// How many widgets say this of their present generation.
    pub fn ready(&self, ready: bool) -> usize {
        let says = |it: &&Option<bool>| **it == Some(ready);
        self.ready.values().filter(says).count()
    }

    /// How many widgets say nothing of their present generation.
    pub fn unjudged(&self) -> usize {
        self.ready.values().filter(|it| it.is_none()).count()
    }

    /// How many edits have had no effect yet.
    pub fn awaited(&self) -> usize {
        self.awaited.len()
    }
}

/// Two watches, and what they have shown.
pub struct Seen {
    state: Arc<Mutex<State>>,
    _watches: JoinSet<()>,
}

impl Seen {
    pub fn start(namespace: &Namespace, clock: &Clock) -> anyhow::Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let mut watches = JoinSet::new();
        let widgets: Api<Widget> = namespace.api()?;
        let shared = state.clone();
        let shown = watcher(widgets, watcher::Config::default()).backoff(AtOnce);
        watches.spawn(shown.applied_objects().for_each(move |widget| {
            if let Ok(widget) = widget {
                let lifecycle = widget.status.as_ref().map(|it| &it.lifecycle);
                let said = lifecycle
                    .filter(|it| it.observed_generation == widget.metadata.generation)
                    .map(|it| it.ready);
                lock(&shared).ready.insert(widget.name_any(), said);
            }
            async {}
        }));
        let maps: Api<ConfigMap> = namespace.api()?;
        let (shared, clock) = (state.clone(), clock.clone());
        let shown = watcher(maps, watcher::Config::default()).backoff(AtOnce);
        watches.spawn(shown.applied_objects().for_each(move |map| {
            let now = clock.now();
            if let Ok(map) = map {
                let of = |key: &str| map.data.as_ref().and_then(|data| data.get(key)).cloned();
                let (name, mut state) = (map.name_any(), lock(&shared));
                let text = of("text").unwrap_or_default();
                let since = state.awaited.get(&name).filter(|(it, _)| *it == text);
                if let Some(since) = since.map(|(_, since)| *since) {
                    state.awaited.remove(&name);
                    state.effects.add(now.since(since));
                }
                state
                    .revisions
                    .insert(name, of("revision").unwrap_or_default());
            }
            async {}
        }));
        Ok(Self {
            state,
            _watches: watches,
        })
    }

    /// From `now` on the config map `name` is to have this text.
    pub fn expect(&self, name: &str, text: &str, now: Moment) {
        let mut state = lock(&self.state);
        state
            .awaited
            .insert(name.to_owned(), (text.to_owned(), now));
    }

    /// The times from edit to effect since the last call.
    pub fn take_effects(&self) -> Times {
        std::mem::take(&mut lock(&self.state).effects)
    }

    /// Waits until all that is seen is so.
    pub async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) -> anyhow::Result<()> {
        wait::until(what, PATIENCE, || async {
            let state = lock(&self.state);
            match holds(&state) {
                true => Ok(()),
                false => Err(format!(
                    "{} widgets are ready, {} are not, {} edits are without effect",
                    state.ready(true),
                    state.ready(false),
                    state.awaited()
                )),
            }
        })
        .await
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
