//! The frame of an operator: what a crate fills with caches and controllers and then runs.

mod running;

use std::{future::Future, num::NonZeroU16, sync::Arc, time::Duration};

use crd_types::lifecycle::Managed;
use futures::future::BoxFuture;
use kube::Client;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

use super::{
    build::Build,
    config::{Common, FeatureGates, ListenAddress, Live, Namespaces, gates},
    http::{BindError, Checks, State},
    installation::Nameless,
    metrics::Metrics,
    observer,
    webhook::Validators,
};
use crate::{
    cluster::{
        apply::Appliable,
        budget::WriteBudget,
        cache::{Cache, Projection, Scope, Whole},
        children::Children,
        election::Leadership,
        events::{Events, Reporter},
        write::Writer,
    },
    decide::{
        clock::Clock,
        queue::{Limits, Queue},
    },
    engines::controller::{Controller, Reconciler, Settings, Site, Tempo},
};

/// A waiting object of the lowest class is served before better ones after this long.
const AGEING: Duration = Duration::from_secs(30);

/// Why an operator did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The installation has no name.
    #[error(transparent)]
    Nameless(#[from] Nameless),
    /// The settings do not fit together.
    #[error("{0}")]
    Settings(String),
    /// A server could not listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A part that must run to the end did not.
    #[error("a part of the operator ended before its time: {0}")]
    PartEnded(String),
}

type Part = BoxFuture<'static, ()>;
type Start = Box<dyn FnOnce(Course) -> Part + Send>;

/// What a part that ends in order follows.
#[derive(Clone)]
pub struct Course {
    /// Who leads.
    pub leadership: Leadership,
    /// Turns true once the operator is to stop. The part then finishes what it has in hand, and ends.
    pub stop: watch::Receiver<bool>,
}

impl Course {
    /// Waits until the operator is to stop.
    pub async fn stopped(&mut self) {
        // An error says that the sender is gone: all the more reason.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}

/// Whether every cache has synced once. One of a kind that is not defined has: there can be no object of it.
#[derive(Clone)]
pub struct Synced(watch::Receiver<bool>);

impl Synced {
    /// Waits until every cache has synced once.
    pub async fn wait(mut self) {
        if self.0.wait_for(|synced| *synced).await.is_err() {
            // The operator is gone before it was.
            std::future::pending().await
        }
    }
}

/// Where an operator's webhooks are served, and what they say.
pub struct Admission {
    /// The address.
    pub address: ListenAddress,
    /// The ValidatingWebhookConfiguration whose authorities the leader keeps, if it is to.
    pub configuration: Option<String>,
    /// What is judged.
    pub validators: Validators,
}

/// An operator that is being put together.
pub struct Operator {
    /// The time.
    pub clock: Clock,
    /// Talks to the API server; writes go through [`writer`](Self::writer).
    pub client: Client,
    /// Writes to the API server, within the budget that all of the operator's writes share.
    pub writer: Writer,
    /// Where the operator's own families go.
    pub metrics: Metrics,
    /// Sections of `/debug/state`.
    pub state: State,
    common: Common,
    name: &'static str,
    identity: String,
    scope: Scope,
    events: Events,
    lease: &'static str,
    reports_at: Option<String>,
    checks: Checks,
    admission: Option<Admission>,
    tempo: watch::Sender<Tempo>,
    shows_state: bool,
    parts: Vec<Part>,
    syncs: Vec<Part>,
    synced: watch::Sender<bool>,
    drained: Vec<Start>,
}

impl Operator {
    /// The frame of the operator `name`, whose replicas share the Lease `lease`.
    pub fn new(
        name: &'static str,
        build: Build,
        lease: &'static str,
        common: Common,
        client: Client,
        clock: Clock,
    ) -> Self {
        let metrics = Metrics::new(name, build);
        let reporter = Reporter {
            controller: name.to_owned(),
            instance: common.pod_name.clone(),
        };
        let identity = format!("{}_{:016x}", common.pod_name, fastrand::u64(..));
        let mut live = common.live();
        let now = *live.borrow_and_update();
        let budget = WriteBudget::adjustable(now.api_writes, clock.clone());
        let tempo = watch::Sender::new(now.tempo());
        let (adjusted, tuned) = (budget.clone(), tempo.clone());
        let follow = following(live, move |now| {
            adjusted.adjust(now.api_writes);
            tuned.send_replace(now.tempo());
        });
        metrics.api_write_wait({
            let budget = budget.clone();
            move || budget.waited()
        });
        let mut state = State::default();
        if let Some(followed) = &common.followed {
            let (counted, shown) = (followed.refused.clone(), followed.refused.clone());
            metrics.settings_refused(move || counted.borrow().is_some());
            state.section("settings", move || json!({ "refused": *shown.borrow() }));
        }
        let writer = Writer::new(client.clone(), name).within(budget.clone());
        let (events, event_writer) = Events::new(client.clone(), clock.clone(), reporter);
        metrics.events_dropped({
            let events = events.clone();
            move || events.counts().dropped()
        });
        let scope = match &common.namespaces {
            Namespaces::All => Scope::All,
            Namespaces::Only(names) => Scope::Namespaces(names.iter().cloned().collect()),
        };
        Self {
            clock,
            client,
            writer,
            metrics,
            state,
            common,
            name,
            identity,
            scope,
            events,
            lease,
            reports_at: None,
            checks: Checks::default(),
            admission: None,
            parts: vec![
                Box::pin(event_writer.within(budget).run()),
                Box::pin(follow),
            ],
            tempo,
            shows_state: true,
            syncs: Vec::new(),
            synced: watch::Sender::new(false),
            drained: Vec::new(),
        }
    }

    /// The cache of a kind; its watch starts with [`run`](Self::run). `name` is the kind in lower case.
    pub fn cache<K: Managed>(&mut self, name: &'static str) -> Arc<Cache<Whole<K>>> {
        self.projection(name)
    }

    /// As [`cache`](Self::cache), but [packed](Cache::packed).
    pub fn packed_cache<K: Managed>(&mut self, name: &'static str) -> Arc<Cache<Whole<K>>> {
        let cache = Cache::packed(name, self.clock.clone());
        self.watched(cache, self.scope.clone())
    }

    /// The cache of what is needed of a kind, whosever it is; otherwise as [`cache`](Self::cache).
    pub fn projection<P: Projection>(&mut self, name: &'static str) -> Arc<Cache<P>> {
        let cache = Cache::new(name, self.clock.clone());
        self.watched(cache, self.scope.clone())
    }

    fn watched<P: Projection>(&mut self, cache: Cache<P>, scope: Scope) -> Arc<Cache<P>> {
        let (name, cache) = (cache.name(), Arc::new(cache));
        let (counted, sought) = (cache.clone(), cache.clone());
        self.metrics
            .watch(name, move || counted.errors(), move || sought.is_missing());
        self.state.section(format!("watch/{name}"), {
            let cache = cache.clone();
            move || json!(cache.state())
        });
        self.checks.ready(format!("watch-{name}"), {
            let cache = cache.clone();
            move || synced(&cache)
        });
        let awaited = cache.clone();
        self.syncs
            .push(Box::pin(async move { awaited.wait_synced().await }));
        let (watched, client) = (cache.clone(), self.client.clone());
        self.parts
            .push(Box::pin(async move { watched.run(client, scope).await }));
        cache
    }

    /// The cache of what is needed of a cluster-scoped kind, whichever namespaces are watched; otherwise as
    /// [`cache`](Self::cache).
    pub fn cluster_projection<P: Projection>(&mut self, name: &'static str) -> Arc<Cache<P>> {
        let cache = Cache::new(name, self.clock.clone());
        self.watched(cache, Scope::All)
    }

    /// The children that objects of the operator have among those of the kind `K`; otherwise as
    /// [`projection`](Self::projection). Who is woken by their changes is for
    /// [`Children::on_change`] to say.
    pub fn children<K: Appliable>(&mut self, name: &'static str) -> Arc<Children<K>> {
        let cache = self.projection(name);
        Arc::new(Children::new(cache, self.writer.clone()))
    }

    /// The controller of the kind in `cache`.
    pub fn controller<R: Reconciler>(
        &mut self,
        cache: &Arc<Cache<Whole<R::Kind>>>,
        reconciler: R,
    ) -> Arc<Controller<R>> {
        let name = cache.name();
        let mut live = self.common.live();
        let places = live.borrow_and_update().max_concurrent_reconciles;
        let settings = Settings {
            name,
            tempo: self.tempo.subscribe(),
        };
        let site = Arc::new(Site {
            writer: self.writer.clone(),
            cache: cache.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
        });
        let queue: Arc<Mutex<Queue>> = Arc::new(Mutex::new(Queue::new(limits(places))));
        let (scraped, shown, clock) = (queue.clone(), queue.clone(), self.clock.clone());
        let now = clock.clone();
        let metrics = self.metrics.controller(name, move || {
            observer::load(&scraped.lock().snapshot(now.now()))
        });
        self.state.section(format!("queue/{name}"), move || {
            json!(shown.lock().snapshot(clock.now()))
        });
        let controller = Controller::new(reconciler, site, settings, queue, metrics);
        let adjusted = controller.clone();
        self.part(following(live, move |now| {
            adjusted.adjust(limits(now.max_concurrent_reconciles));
        }));
        let (started, synced) = (controller.clone(), self.synced());
        self.drained(move |mut course| async move {
            let run = started.run(course.leadership.clone(), course.stop.clone());
            // A pass may read more than its own kind's cache.
            tokio::select! {
                () = course.stopped() => return,
                () = synced.wait() => {}
            }
            run.await;
        });
        controller
    }

    /// This process's own name among its replicas; no two share it.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Says on the Lease, while this replica leads, that it takes other replicas' reports at `address`, which is
    /// `host:port` as they reach it.
    pub fn takes_reports_at(&mut self, address: String) {
        self.reports_at = Some(address);
    }

    /// Adds a part that never ends by itself, on every replica, and is dropped last of all.
    pub fn part(&mut self, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.push(Box::pin(part));
    }

    /// Adds a part that runs on every replica, and ends in order before the lease is released.
    pub fn drained<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        part: impl FnOnce(Course) -> F + Send + 'static,
    ) {
        self.drained.push(Box::new(|course| Box::pin(part(course))));
    }

    /// Turns the parts that every operator has on and off.
    pub fn gated(&mut self, gates: &FeatureGates) {
        self.shows_state = gates.is_on(&gates::DEBUG_STATE);
    }

    /// Serves webhooks, on every replica.
    pub fn admission(&mut self, admission: Admission) {
        self.admission = Some(admission);
    }

    /// Tells when every cache has synced once, those included that are yet to be added.
    pub fn synced(&self) -> Synced {
        Synced(self.synced.subscribe())
    }

    /// Adds a check to `/readyz`.
    pub fn ready(
        &mut self,
        name: impl Into<String>,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.checks.ready(name, check);
    }
}

/// Tells `hear` what the settings say, each time that they have changed. Never ends.
async fn following(mut live: watch::Receiver<Live>, hear: impl Fn(Live)) {
    while live.changed().await.is_ok() {
        let now = *live.borrow_and_update();
        hear(now);
    }
    // Nobody follows the settings, or not any more.
    std::future::pending().await
}

/// What may run at once of a kind that has so many places. A provider that hangs leaves a quarter of them to the others.
fn limits(places: NonZeroU16) -> Limits {
    let places = usize::from(places.get());
    Limits {
        running: places,
        running_per_lane: (places * 3 / 4).max(1),
        ageing: AGEING,
    }
}

fn synced<P: Projection>(cache: &Cache<P>) -> Result<(), String> {
    let state = cache.state();
    match (state.synced, state.missing, state.last_error) {
        (true, ..) => Ok(()),
        (false, Some(what), None) => Err(format!("the API server does not serve {what}")),
        (false, Some(what), Some(error)) => Err(format!(
            "the API server does not serve {what}; the last error was: {error}"
        )),
        (false, None, Some(error)) => Err(error),
        (false, None, None) => Err("not listed yet".to_owned()),
    }
}
