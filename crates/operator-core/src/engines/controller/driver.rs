//! Takes keys from the queue, runs their passes side by side, and answers for whatever a pass does.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use crd_types::lifecycle::{HasLifecycle, Lifecycle, Managed};
use futures::FutureExt;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tracing::{Instrument, Span, debug_span, field::Empty};

use super::{Observer, PANICKED, Pass, Reconciler, Site, trigger, unreadable::Unreadable};
use crate::{
    cluster::{
        cache::Change,
        conditions::{self, PAUSED, READY},
        election::Leadership,
        events::Severity,
        leading::Leading,
        spans::TRACES,
        write::WriteError,
    },
    decide::{
        backoff::{self, Streaks},
        clock::{Clock, Moment},
        key::ObjectKey,
        outcome::{Class as FaultClass, Fault, Outcome, PassResult},
        queue::{Class, Queue, Request, Taken},
    },
    engines::external::Annotations,
};

/// A failing look at an object that was in force does not make it unready for this long.
const GRACE: Duration = Duration::from_secs(15 * 60);

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
    /// Deadline of one pass.
    pub timeout: Duration,
    /// After a pass that found all well, the time to the next look, unless the kind bounds it by
    /// [`Reconciler::interval`].
    pub interval: Duration,
}

/// The controller of one kind.
pub struct Controller<R: Reconciler> {
    reconciler: R,
    site: Arc<Site<R::Kind>>,
    settings: Settings,
    observer: Arc<dyn Observer>,
    queue: Arc<Mutex<Queue>>,
    streaks: Mutex<Streaks>,
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
            for (key, _) in self.site.cache.snapshot() {
                self.trigger(&key, Class::Resync);
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
        let place = Place {
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
            let watched = Watched::start(&place, taken.waited);
            let result = self
                .reconcile(object.clone(), leading)
                .instrument(span)
                .instrument(traced.clone())
                .await;
            if let Err(fault) = &result {
                traced.record("otel.status_code", "ERROR");
                traced.record("fault.class", fault.class.to_string());
                traced.record("fault.code", &*fault.code);
                traced.record("fault.reason", fault.reason);
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
        let deadline = clock.now() + timeout;
        let mut pass = Pass::new(
            self.site.clone(),
            self.observer.clone(),
            object.clone(),
            leading,
            deadline,
        );
        // Boxed: an SDK's futures nest so deep that the compiler gives up on the sum.
        let run = AssertUnwindSafe(self.reconciler.reconcile(&mut pass).boxed()).catch_unwind();
        let result = match clock.until(deadline, run).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => {
                let text = "a defect of the operator ended this pass; its log has the details";
                Err(Fault::transient(PANICKED, text))
            }
            None => Err(Fault::transient(
                "DeadlineExceeded",
                format!("the pass did not end within {timeout:?}"),
            )),
        };
        if let Err(fault) = &result {
            tracing::debug!(class = %fault.class, code = %fault.code, reason = fault.reason, "{fault}");
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

    /// Puts the result of the pass on the object, unless it says nothing lasting about it.
    async fn conclude(
        &self,
        pass: &mut Pass<R::Kind>,
        result: &PassResult,
    ) -> Result<(), WriteError> {
        let (object, now) = (pass.object(), self.site.clock.wall());
        if matches!(
            result,
            Ok(Outcome::Released | Outcome::Superseded | Outcome::Undecided { .. })
        ) {
            return Ok(());
        }
        let lifecycle = pass.status.lifecycle_mut();
        if !matches!(result, Ok(Outcome::Paused)) {
            conditions::clear(lifecycle, PAUSED);
        }
        if !self.is_passing(&object, result) {
            let generation = object.meta().generation;
            conditions::conclude(lifecycle, result, generation, now);
        }
        let asked = Annotations::of(&*object).reconcile_requested_at();
        lifecycle.last_handled_reconcile_at = asked.map(str::to_owned);
        if pass.had_effect() {
            pass.status.lifecycle_mut().touch(now);
        }
        if let Err(error) = pass.record().await {
            // The object cannot say it, so the log must.
            if !matches!(
                error,
                WriteError::Conflict | WriteError::Gone | WriteError::NotLeading(_)
            ) {
                tracing::warn!("cannot show on the object how this pass ended: {error}");
            }
            return Err(error);
        }
        if R::announces() {
            announce(pass, &object, result);
        }
        Ok(())
    }

    /// Whether the result is a hitch that says nothing about a wish that is in force: a look that failed is
    /// not a wish that failed, until it goes on for longer than [`GRACE`].
    fn is_passing(&self, object: &R::Kind, result: &PassResult) -> bool {
        let hitch = match result {
            Ok(Outcome::Waiting { .. }) => true,
            Err(fault) => matches!(
                fault.class,
                FaultClass::Transient | FaultClass::Throttled | FaultClass::UnknownOutcome
            ),
            Ok(_) => false,
        };
        let in_force = object.status().is_some_and(|status| {
            let lifecycle = status.lifecycle();
            lifecycle.ready && lifecycle.observed_generation == object.meta().generation
        });
        let now = self.site.clock.now();
        let since = self
            .streaks
            .lock()
            .get(&object.uid().unwrap_or_default())
            .map(|s| s.since);
        hitch
            && in_force
            && object.meta().deletion_timestamp.is_none()
            && since.is_none_or(|since| now.since(since) < GRACE)
    }

    fn plan_next(&self, key: &ObjectKey, object: &R::Kind, result: &PassResult) {
        let now = self.site.clock.now();
        let uid = object.uid().unwrap_or_default();
        let stored = self.site.cache.get(key);
        if stored.is_none_or(|stored| stored.meta().uid != object.meta().uid) {
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
                let hitch = Fault::transient(reason, on.as_str());
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

type Term = watch::Receiver<Option<Leading>>;

async fn gained(term: &mut Term) -> Leading {
    let begun = term
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|term| term.clone());
    match begun {
        Some(leading) => leading,
        // The election has ended, and with it every hope.
        None => std::future::pending().await,
    }
}

/// A term can end and the next one begin between two looks: then only the old right tells.
async fn lost(term: &mut Term, leading: &Leading) {
    let _ = term
        .wait_for(|now| now.is_none() || leading.check().is_err())
        .await;
}

/// A pass as metrics see it. One that is dropped was stopped halfway.
struct Watched<'a> {
    observer: &'a dyn Observer,
    clock: &'a Clock,
    started: Moment,
}

impl<'a> Watched<'a> {
    fn start<R: Reconciler>(place: &Place<'a, R>, waited: Duration) -> Self {
        let observer = &*place.controller.observer;
        observer.started(waited);
        let clock = &place.controller.site.clock;
        Self {
            observer,
            clock,
            started: clock.now(),
        }
    }

    fn finish(self, result: &PassResult) {
        self.observer
            .finished(result, self.clock.now().since(self.started));
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observer.left();
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

/// Tells of a change of the `Ready` condition by one log line and one event.
fn announce<K: Managed>(pass: &Pass<K>, before: &K, result: &PassResult) {
    let ready = |lifecycle: &Lifecycle| {
        lifecycle
            .condition(READY)
            .map(|ready| (ready.status.clone(), ready.reason.clone()))
    };
    let after = ready(pass.status.lifecycle());
    if after == before.status().and_then(|status| ready(status.lifecycle())) {
        return;
    }
    let (severity, reason, message) = match result {
        Ok(Outcome::Done { reason, message } | Outcome::Held { reason, message }) => {
            (Severity::Normal, *reason, message)
        }
        Ok(
            Outcome::Running {
                reason,
                task: message,
                ..
            }
            | Outcome::Waiting {
                reason,
                on: message,
                ..
            },
        ) => (Severity::Normal, *reason, message),
        Ok(
            Outcome::Paused | Outcome::Superseded | Outcome::Undecided { .. } | Outcome::Released,
        ) => return,
        Err(fault) => (Severity::Warning, fault.reason, &fault.message),
    };
    pass.event(severity, reason, "Reconcile", message.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::leading::Term as Held;

    #[tokio::test]
    async fn a_term_that_another_replaced_unseen_is_lost() {
        let clock = Clock::system();
        let held = || Held::begin(clock.clone(), clock.now() + Duration::from_secs(3600));
        let first = held();
        let leading = first.leading();
        let (elected, mut term) = watch::channel(Some(leading.clone()));
        assert!(gained(&mut term).await.check().is_ok());

        let second = held();
        drop(first);
        elected.send_replace(None);
        elected.send_replace(Some(second.leading()));
        // Hangs where only the last of the two is looked at.
        lost(&mut term, &leading).await;
        assert!(gained(&mut term).await.check().is_ok());
    }
}
