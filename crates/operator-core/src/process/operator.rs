//! The frame of an operator: what a crate fills with caches and controllers and then runs.

use std::{future::Future, sync::Arc, time::Duration};

use axum::Router;
use crd_types::lifecycle::Managed;
use futures::future::{BoxFuture, join_all};
use kube::Client;
use parking_lot::Mutex;
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use super::{
    certs::{Certificates, ClientCertificates},
    config::{Common, FeatureGates, ListenAddress, Namespaces, gates},
    http::{self, BindError, Checks, Gatekeeper, State},
    installation::Nameless,
    metrics::Metrics,
    observer,
    webhook::{Judgement, Trust, Validators},
};
use crate::{
    cluster::{
        apply::Appliable,
        budget::WriteBudget,
        cache::{Cache, Projection, Scope, Whole},
        children::Children,
        election::{Candidacy, Election, Leadership},
        events::{Events, Reporter},
        write::Writer,
    },
    decide::{
        clock::Clock,
        key::ObjectKey,
        queue::{Limits, Queue},
    },
    engines::controller::{Controller, Reconciler, Settings, Site, Tempo},
};

/// How long the passes in hand may go on after the operator was told to stop. A Pod has 30 s.
const DRAIN: Duration = Duration::from_secs(20);
/// How long the lease's release and the last answers may take after that.
const FAREWELL: Duration = Duration::from_secs(5);
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

/// Whether every cache has synced once.
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
        version: &'static str,
        lease: &'static str,
        common: Common,
        client: Client,
        clock: Clock,
    ) -> Self {
        let metrics = Metrics::new(name, version);
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
        let follow = async move {
            while live.changed().await.is_ok() {
                let now = *live.borrow_and_update();
                adjusted.adjust(now.api_writes);
                tuned.send_replace(now.tempo());
            }
            // Nobody follows the settings, or not any more.
            std::future::pending().await
        };
        metrics.api_write_wait({
            let budget = budget.clone();
            move || budget.waited()
        });
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
            state: State::default(),
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

    /// The cache of what is needed of a kind, whosever it is; otherwise as [`cache`](Self::cache).
    pub fn projection<P: Projection>(&mut self, name: &'static str) -> Arc<Cache<P>> {
        self.projection_within(name, self.scope.clone())
    }

    fn projection_within<P: Projection>(
        &mut self,
        name: &'static str,
        scope: Scope,
    ) -> Arc<Cache<P>> {
        let cache = Arc::new(Cache::new(name, self.clock.clone()));
        self.metrics.watch(name, {
            let cache = cache.clone();
            move || cache.errors()
        });
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
        self.projection_within(name, Scope::All)
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
        let places = usize::from(self.common.max_concurrent_reconciles.get());
        // A provider that hangs leaves a quarter of the places to the others.
        let limits = Limits {
            running: places,
            running_per_lane: (places * 3 / 4).max(1),
            ageing: AGEING,
        };
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
        let queue: Arc<Mutex<Queue>> = Arc::new(Mutex::new(Queue::new(limits)));
        let (scraped, shown, clock) = (queue.clone(), queue.clone(), self.clock.clone());
        let now = clock.clone();
        let metrics = self.metrics.controller(name, places, move || {
            observer::load(&scraped.lock().snapshot(now.now()))
        });
        self.state.section(format!("queue/{name}"), move || {
            json!(shown.lock().snapshot(clock.now()))
        });
        let controller = Controller::new(reconciler, site, settings, queue, metrics);
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

    /// Runs until `stop`, then finishes the passes in hand and releases the lease. Dropping the future stops
    /// everything at once, as a crash would.
    ///
    /// # Errors
    /// When a server cannot listen, or a part ends by itself.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), OperatorError> {
        let (stopping, stopped) = watch::channel(false);
        let (closing, closed) = watch::channel(false);
        let (leadership, election) = self.stand_for_election();
        let mut parts = JoinSet::new();
        self.serve(&mut parts, &closed).await?;
        for part in self.parts {
            parts.spawn(part);
        }
        parts.spawn(async move {
            join_all(self.syncs).await;
            self.synced.send_replace(true);
            std::future::pending().await
        });
        let mut drained = JoinSet::new();
        for start in self.drained {
            drained.spawn(start(Course {
                leadership: leadership.clone(),
                stop: stopped.clone(),
            }));
        }
        let mut candidate = JoinSet::new();
        if let Some(election) = election {
            let mut resign = closed.clone();
            candidate.spawn(election.run(async move {
                // An error says that the sender is gone: all the more reason.
                let _ = resign.wait_for(|closed| *closed).await;
            }));
        }
        tracing::info!(operator = self.name, "started");

        let ended = tokio::select! {
            biased;
            () = stop => None,
            Some(ended) = parts.join_next() => Some(ended),
            Some(ended) = drained.join_next() => Some(ended),
            Some(ended) = candidate.join_next() => Some(ended),
        };
        tracing::info!("stopping: finishing the passes in hand");
        stopping.send_replace(true);
        let all_ended = all(&mut drained);
        if self
            .clock
            .until(self.clock.now() + DRAIN, all_ended)
            .await
            .is_none()
        {
            tracing::warn!("passes did not end in time and were given up");
            drained.shutdown().await;
        }
        closing.send_replace(true);
        let released = all(&mut candidate);
        if self
            .clock
            .until(self.clock.now() + FAREWELL, released)
            .await
            .is_none()
        {
            tracing::warn!(
                "the lease could not be released; another replica leads when it has run out"
            );
        }
        parts.shutdown().await;
        match ended {
            None => Ok(()),
            Some(ended) => Err(OperatorError::PartEnded(ended.map_or_else(
                |panic| panic.to_string(),
                |()| "it ended by itself".to_owned(),
            ))),
        }
    }

    fn stand_for_election(&mut self) -> (Leadership, Option<Election>) {
        let (leadership, election) = match &self.common.election {
            None => (Leadership::always(self.clock.clone()), None),
            Some(settings) => {
                let candidacy = Candidacy {
                    lease: ObjectKey::new(settings.namespace.as_str(), self.lease),
                    identity: self.identity.clone(),
                    timings: settings.timings,
                    address: self.reports_at.take(),
                };
                let (election, leadership) =
                    Election::new(self.client.clone(), self.clock.clone(), candidacy);
                (leadership, Some(election))
            }
        };
        self.metrics.election(self.lease, {
            let leadership = leadership.clone();
            move || (leadership.current().is_some(), leadership.slow_paths())
        });
        self.state.section("lease", {
            let leadership = leadership.clone();
            move || json!(leadership.state())
        });
        (leadership, election)
    }

    async fn serve(
        &mut self,
        parts: &mut JoinSet<()>,
        closed: &watch::Receiver<bool>,
    ) -> Result<(), OperatorError> {
        let admission = self.admission.take();
        let guarded = self.common.https.metrics && self.common.metrics.is_some();
        let certificates = match guarded || admission.is_some() {
            true => Some(self.certificates()?),
            false => None,
        };
        // Whoever asks is known by a token, or need not be known.
        let tls = certificates
            .as_ref()
            .map(|it| it.server_config(ClientCertificates::Unasked, &[b"http/1.1"]));
        let webhooks = match (admission, certificates) {
            (Some(admission), Some(certificates)) => Some(self.webhooks(admission, certificates)),
            _ => None,
        };
        let probes = http::probes(std::mem::take(&mut self.checks));
        let state = Some(std::mem::take(&mut self.state)).filter(|_| self.shows_state);
        let metrics = http::metrics(self.metrics.clone(), state);
        let metrics = match guarded {
            true => Gatekeeper::new(self.client.clone(), self.clock.clone()).guard(metrics),
            false => metrics,
        };
        let (probed, scraped) = (self.common.probes.clone(), self.common.metrics.clone());
        let servers = [
            probed.map(|at| ("HEALTH_PROBE_BIND_ADDRESS", at, probes, None)),
            scraped.map(|at| {
                let tls = tls.clone().filter(|_| guarded);
                ("METRICS_BIND_ADDRESS", at, metrics, tls)
            }),
            webhooks.map(|(at, webhooks)| ("WEBHOOK_BIND_ADDRESS", at, webhooks, tls)),
        ];
        for (setting, address, router, tls) in servers.into_iter().flatten() {
            let listening = http::bind(setting, &address).await?;
            tracing::info!(setting, address = %listening.address(), tls = tls.is_some(), "listening");
            let (clock, closed) = (self.clock.clone(), closed.clone());
            match tls {
                Some(tls) => parts.spawn(listening.serve_tls(tls, router, clock, closed)),
                None => parts.spawn(listening.serve(router, clock, closed)),
            };
        }
        Ok(())
    }

    /// The certificate for HTTPS, kept from now on.
    fn certificates(&mut self) -> Result<Certificates, OperatorError> {
        let (writer, clock) = (self.writer.clone(), self.clock.clone());
        let kept = self.common.serving_certificates(writer, clock);
        let (certificates, upkeep) = kept.map_err(OperatorError::Settings)?;
        self.state.section("servingCertificate", {
            let certificates = certificates.clone();
            move || json!(certificates.state())
        });
        self.drained(|course| upkeep.run(course.leadership, course.stop));
        Ok(certificates)
    }

    /// Where webhooks are served and how, with a certificate that the API server is told to believe.
    fn webhooks(
        &mut self,
        admission: Admission,
        certificates: Certificates,
    ) -> (ListenAddress, Router) {
        self.checks.ready("serving-certificate", {
            let certificates = certificates.clone();
            move || certificates.check()
        });
        if let Some(name) = admission.configuration {
            let trust = Trust {
                certificates,
                writer: self.writer.clone(),
                clock: self.clock.clone(),
                name,
            };
            self.drained(|course| trust.run(course));
        }
        let judgement = Judgement::new(self.clock.clone(), self.synced.subscribe());
        (admission.address, admission.validators.router(&judgement))
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn synced<P: Projection>(cache: &Cache<P>) -> Result<(), String> {
    let state = cache.state();
    match (state.synced, state.last_error) {
        (true, _) => Ok(()),
        (false, Some(error)) => Err(error),
        (false, None) => Err("not listed yet".to_owned()),
    }
}
