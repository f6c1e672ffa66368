//! Takes keys from the queue, runs their passes side by side, and answers for whatever a pass does.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::FutureExt;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tracing::{Instrument, Span, debug_span, field::Empty};

use super::{
    Observer, Pass, Reconciler, Site, reasons,
    term::{gained, lost},
    trigger,
    unreadable::Unreadable,
    watched::Watched,
};
use crate::{
    cluster::{
        cache::Change, election::Leadership, leading::Leading, own_time::OwnTime, spans::TRACES,
        write::WriteError,
    },
    decide::{
        backoff::{self, Streaks},
        clock::Moment,
        key::ObjectKey,
        outcome::{Class as FaultClass, Fault, Outcome, PassResult},
        queue::{Class, Limits, Queue, Request, Taken},
    },
};

/// Time for the watch to show what superseded a pass, should that start no pass by itself.
const SUPERSEDED_PAUSE: Duration = Duration::from_millis(100);

/// When to try again to tell that an object cannot be read.
const REPORT_PAUSE: Duration = Duration::from_secs(10);
/// The lane of objects that cannot be read, and so have no provider.
const UNREADABLE: &str = "unreadable";

/// How a controller is tuned.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kind in lower case: the name in logs, metrics and `/debug/state`.
    pub name: &'static str,
    /// What holds from the next pass on.
    pub tempo: watch::Receiver<Tempo>,
}

/// What may change while a controller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// How long one pass may take, apart from what it waits for turns.
    pub timeout: Duration,
    /// After a pass that found all well, the time to the next look, unless the kind bounds it by
    /// [`Reconciler::interval`].
    pub interval: Duration,
}

/// The controller of one kind.
pub struct Controller<R: Reconciler> {
    reconciler: R,
    pub(super) site: Arc<Site<R::Kind>>,
    settings: Settings,
    observer: Arc<dyn Observer>,
    queue: Arc<Mutex<Queue>>,
    pub(super) streaks: Mutex<Streaks>,
    unreadable: Unreadable,
    work: Notify,
}

impl<R: Reconciler> Controller<R> {
    /// A controller over the cache of `site`, which must not run yet. Its work waits in `queue`.
    pub fn new(
        reconciler: R,
        site: Arc<Site<R::Kind>>,
        settings: Settings,
        queue: Arc<Mutex<Queue>>,
        observer: impl Observer,
    ) -> Arc<Self> {
        let interval = settings.tempo.borrow().interval;
        let controller = Arc::new(Self {
            reconciler,
            streaks: Mutex::new(Streaks::new(interval)),
            settings,
            observer: Arc::new(observer),
            queue,
            unreadable: Unreadable::default(),
            work: Notify::new(),
            site: site.clone(),
        });
        let listener: Weak<Self> = Arc::downgrade(&controller);
        site.cache.observe(Box::new(move |key, change| {
            if let Some(controller) = listener.upgrade() {
                controller.changed(key, change);
            }
        }));
        controller
    }

    /// Asks for a pass over `key`, should it exist.
    pub fn trigger(&self, key: &ObjectKey, class: Class) {
        let now = self.site.clock.now();
        if let Some(object) = self.site.cache.get(key) {
            self.enqueue(key, R::lane(&object), class, now);
        }
    }

    /// From now on these limits hold; the passes in hand are finished, however many they are.
    pub fn adjust(&self, limits: Limits) {
        self.queue.lock().adjust(limits);
        self.work.notify_one();
    }

    /// Runs passes while leading, until `stop` turns true; then finishes the passes in hand. Every cache that
    /// a pass reads must have synced before.
    pub async fn run(self: Arc<Self>, leadership: Leadership, mut stop: watch::Receiver<bool>) {
        let mut term = leadership.watch();
        loop {
            let leading = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                leading = gained(&mut term) => leading,
            };
            self.reconciler.forget_all();
            self.streaks.lock().forget_all();
            let now = self.site.clock.now();
            for key in self.site.cache.keys() {
                if let Some(object) = self.site.cache.get(&key) {
                    self.enqueue(&key, R::lane(&object), trigger::at_first(&*object), now);
                }
                // Of many objects each is looked at for its lane.
                tokio::task::consume_budget().await;
            }
            let mut passes = JoinSet::new();
            let stopped = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => true,
                () = lost(&mut term, &leading) => false,
                never = self.serve(&leading, &mut passes) => match never {},
            };
            if stopped {
                while passes.join_next().await.is_some() {}
                return;
            }
            tracing::warn!(
                controller = self.settings.name,
                "leadership lost: passes stopped"
            );
            passes.shutdown().await;
        }
    }

    async fn serve(self: &Arc<Self>, leading: &Leading, passes: &mut JoinSet<()>) -> Infallible {
        loop {
            let wake_at = loop {
                let (taken, wake_at) = {
                    let mut queue = self.queue.lock();
                    (queue.take(self.site.clock.now()), queue.wake_at())
                };
                let Some(taken) = taken else { break wake_at };
                passes.spawn(self.clone().pass(taken, leading.clone()));
            };
            tokio::select! {
                () = self.work.notified() => {}
                Some(_) = passes.join_next() => {}
                () = self.site.clock.sleep_until(wake_at.unwrap_or(Moment::NEVER)) => {}
            }
        }
    }

    fn changed(&self, key: &ObjectKey, change: &Change<'_, R::Kind>) {
        let now = self.site.clock.now();
        match change {
            Change::Added(object) | Change::Updated { new: object, .. } => {
                self.unreadable.forget(key);
                if let Some(class) = trigger::class_of(change, !self.site.cache.synced()) {
                    self.enqueue(key, R::lane(object), class, now);
                }
            }
            Change::Deleted(old) => {
                self.queue.lock().forget(key);
                self.unreadable.forget(key);
                self.streaks.lock().forget(&old.uid().unwrap_or_default());
                self.reconciler.forget(old);
            }
            Change::Unreadable(invalid) => {
                if self.unreadable.note(key, invalid) {
                    self.enqueue(key, Arc::from(UNREADABLE), Class::Edit, now);
                }
            }
            Change::UnreadableGone => {
                self.queue.lock().forget(key);
                self.unreadable.forget(key);
            }
        }
    }

    fn enqueue(&self, key: &ObjectKey, lane: Arc<str>, class: Class, due: Moment) {
        self.observer.added(class);
        let request = Request {
            key: key.clone(),
            lane,
            class,
            due,
        };
        self.queue.lock().add(request, self.site.clock.now());
        self.work.notify_one();
    }

    async fn pass(self: Arc<Self>, taken: Taken, leading: Leading) {
        let _place = Place {
            controller: &self,
            key: &taken.key,
        };
        if let Some(object) = self.site.cache.get(&taken.key) {
            let span = tracing::info_span!(
                "pass",
                controller = self.settings.name,
                kind = %R::Kind::kind(&()),
                namespace = %taken.key.namespace,
                name = %taken.key.name,
                generation = object.meta().generation,
                reconcileID = %format_args!("{:016x}", fastrand::u64(..)),
            );
            let traced = self.traced(&taken, &object);
            let watched = Watched::start(&*self.observer, &self.site.clock, taken.waited);
            let result = self
                .reconcile(object.clone(), leading)
                .instrument(span)
                .instrument(traced.clone())
                .await;
            if let Err(fault) = &result {
                traced.record("otel.status_code", "ERROR");
                traced.record("fault.class", fault.class.to_string());
                traced.record("fault.code", &*fault.code);
                traced.record("fault.reason", fault.reason.as_str());
            }
            watched.finish(&result);
            self.plan_next(&taken.key, &object, &result);
        } else if !self.report_unreadable(&leading, &taken.key).await {
            let due = self.site.clock.now() + REPORT_PAUSE;
            self.enqueue(&taken.key, Arc::from(UNREADABLE), Class::Retry, due);
        }
    }

    /// The pass as traces show it; that the log has a span of its own lets either be without the other.
    fn traced(&self, taken: &Taken, object: &R::Kind) -> Span {
        debug_span!(
            target: TRACES,
            "reconcile",
            otel.name = %format_args!("{}.reconcile", self.settings.name),
            otel.status_code = Empty,
            controller = self.settings.name,
            k8s.namespace.name = %taken.key.namespace,
            k8s.object.name = %taken.key.name,
            k8s.object.generation = object.meta().generation,
            fault.class = Empty,
            fault.code = Empty,
            fault.reason = Empty,
        )
    }

    async fn report_unreadable(&self, leading: &Leading, key: &ObjectKey) -> bool {
        self.unreadable
            .report::<R::Kind>(&self.site, leading, key)
            .await
    }

    async fn reconcile(&self, object: Arc<R::Kind>, leading: Leading) -> PassResult {
        let clock = self.site.clock.clone();
        let timeout = self.settings.tempo.borrow().timeout;
        let time = OwnTime::new(timeout, clock);
        let mut pass = Pass::new(
            self.site.clone(),
            self.observer.clone(),
            object.clone(),
            leading,
            time.clone(),
        );
        // Boxed: an SDK's futures nest so deep that the compiler gives up on the sum.
        let run = AssertUnwindSafe(self.reconciler.reconcile(&mut pass).boxed()).catch_unwind();
        let (ended, result) = match time.within(run).await {
            Some(Ok(result)) => (true, result),
            Some(Err(_)) => {
                let text = "a defect of the operator ended this pass; its log has the details";
                (false, Err(Fault::transient(reasons::PANICKED, text)))
            }
            None => {
                let text = format!("the pass did not end within {timeout:?}");
                (
                    false,
                    Err(Fault::transient(reasons::DEADLINE_EXCEEDED, text)),
                )
            }
        };
        if !ended {
            self.reconciler.forget(&object);
        }
        if let Err(fault) = &result {
            tracing::debug!(class = %fault.class, code = %fault.code, reason = fault.reason.as_str(), "{fault}");
        }
        let Err(error) = self.conclude(&mut pass, &result).await else {
            return result;
        };
        self.reconciler.forget(&object);
        match error {
            WriteError::Conflict | WriteError::Gone => Ok(Outcome::Superseded),
            error => Err(error.into()),
        }
    }

    fn plan_next(&self, key: &ObjectKey, object: &R::Kind, result: &PassResult) {
        let now = self.site.clock.now();
        let uid = object.uid().unwrap_or_default();
        if !self.site.cache.has(key, &uid) {
            return;
        }
        let configured = self.settings.tempo.borrow().interval;
        let interval = self.reconciler.interval(object, configured);
        let jitter = fastrand::f64();
        let mut streaks = self.streaks.lock();
        streaks.drift(interval);
        let (class, after) = match result {
            Ok(Outcome::Released | Outcome::Paused) => {
                streaks.succeeded(&uid);
                return;
            }
            Ok(Outcome::Done { .. } | Outcome::Held { .. }) => {
                streaks.succeeded(&uid);
                (Class::Resync, backoff::spread(interval, None, jitter))
            }
            Ok(Outcome::Superseded) => (Class::Edit, SUPERSEDED_PAUSE),
            Ok(Outcome::Undecided { poll }) => (Class::Retry, *poll),
            Ok(Outcome::Running { poll, .. }) => {
                streaks.succeeded(&uid);
                (Class::Retry, *poll)
            }
            Ok(Outcome::Waiting { reason, on, poll }) => {
                // Counted, so that a wish in force is not taken for good for ever; but tried at its own pace.
                let hitch = Fault::transient(*reason, on.as_str());
                streaks.failed(&uid, object.meta().generation, &hitch, now, jitter);
                (Class::Retry, *poll)
            }
            Err(fault) => {
                let pause = streaks.failed(&uid, object.meta().generation, fault, now, jitter);
                let class = match fault.class {
                    FaultClass::Terminal => Class::Resync,
                    _ => Class::Retry,
                };
                (class, pause)
            }
        };
        drop(streaks);
        self.enqueue(key, R::lane(object), class, now + after);
    }
}

/// The place that a pass holds; given back however the pass ends.
struct Place<'a, R: Reconciler> {
    controller: &'a Controller<R>,
    key: &'a ObjectKey,
}

impl<R: Reconciler> Drop for Place<'_, R> {
    fn drop(&mut self) {
        let now = self.controller.site.clock.now();
        self.controller.queue.lock().finish(self.key, now);
        self.controller.work.notify_one();
    }
}
