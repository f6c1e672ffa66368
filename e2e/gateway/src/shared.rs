//! What a gateway's tasks and its handle share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use apigw_protocol::{ConfigurationSnapshot, ConfigurationUpdate, GatewayInfo, UpdateType};
use operator_core::decide::clock::Moment;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::apply::{self, InForce};
use crate::behaviour::Behaviour;
use crate::event::{Event, Events, Outcome, Phase, Record, Update};
use crate::kind::Kind;
use crate::link::Link;
use crate::options::Options;
use crate::state::{Counts, State};
use crate::tracked::Tracked;
use crate::violations;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) in_force: Arc<InForce>,
    pub(crate) behaviour: watch::Sender<Behaviour>,
    pub(crate) changed: watch::Sender<()>,
    pub(crate) started: Moment,
    inner: Mutex<Inner>,
    link: Mutex<Option<Link>>,
}

struct Inner {
    phase: Phase,
    connected: bool,
    session: Option<String>,
    sessions: BTreeSet<String>,
    tracked: Tracked,
    last_applied: Option<Moment>,
    last_refusal: Option<String>,
    counts: Counts,
    violations: Vec<String>,
    events: Events,
}

/// A test wants the first of them; a broken peer may cause any number.
const VIOLATIONS_KEPT: usize = 1000;

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        let inner = Inner {
            phase: Phase::Starting,
            connected: false,
            session: None,
            sessions: BTreeSet::new(),
            tracked: Tracked::new(options.guard_window),
            last_applied: None,
            last_refusal: None,
            counts: Counts::default(),
            violations: vec![],
            events: Events::default(),
        };
        Self {
            in_force: Arc::default(),
            behaviour: watch::Sender::new(options.behaviour.clone()),
            changed: watch::Sender::new(()),
            started: options.clock.now(),
            inner: Mutex::new(inner),
            link: Mutex::new(None),
            options,
        }
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour.borrow().clone()
    }

    /// What every call but the registration says of the gateway.
    pub(crate) fn info(&self) -> GatewayInfo {
        GatewayInfo {
            name: self.options.name.clone(),
            namespace: self.options.namespace.clone(),
            ..GatewayInfo::default()
        }
    }

    pub(crate) fn link(&self) -> Option<Link> {
        self.link.lock().clone()
    }

    /// Breaks the connection, as a pulled cable would.
    pub(crate) fn cut(&self) {
        if let Some(link) = &*self.link.lock() {
            link.cut();
        }
    }

    pub(crate) fn note(&self, event: Event) {
        self.change(|inner, _| inner.note(&self.options, event));
    }

    pub(crate) fn violation(&self, text: String) {
        self.change(|inner, _| inner.violation(&self.options, text));
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.change(|inner, _| {
            inner.phase = phase;
            if matches!(phase, Phase::Deaf | Phase::Crashed | Phase::GaveUp) {
                inner.note(&self.options, Event::Ended { phase });
            }
        });
    }

    /// The operator took the registration: the guard's window opens.
    pub(crate) fn registered(&self, session: &str, link: Link) {
        *self.link.lock() = Some(link);
        self.change(|inner, now| {
            if let Some(text) = violations::of_session(session, &inner.sessions) {
                inner.violation(&self.options, text);
            }
            inner.sessions.insert(session.to_owned());
            inner.session = Some(session.to_owned());
            inner.phase = Phase::Running;
            inner.connected = true;
            inner.counts.registrations += 1;
            inner.tracked.registered(now);
            let session = session.to_owned();
            inner.note(&self.options, Event::Registered { session });
        });
    }

    /// Applies what came with a registration. It is not acknowledged, and failures are only noted.
    pub(crate) fn initial(&self, snapshot: ConfigurationSnapshot) {
        let behaviour = self.behaviour();
        self.change(|inner, now| {
            let options = &self.options;
            for text in violations::of_snapshot(&snapshot) {
                inner.violation(options, format!("initial_config: {text}"));
            }
            let taken = inner.tracked.replace(&snapshot, now);
            let tracked = &inner.tracked;
            let done = apply::settle(taken, tracked, &self.in_force, &behaviour);
            let resources = Kind::ALL
                .map(|kind| kind.list(&snapshot).len())
                .iter()
                .sum();
            inner.record(
                options,
                Update {
                    kind: "INITIAL_CONFIG",
                    version: snapshot.version.clone(),
                    sequence: 0,
                    resources,
                    outcome: done.outcome,
                    took: self.options.clock.now().since(now),
                },
                now,
            );
        });
    }

    /// Processes an update as far as its acknowledgement. `first` is the first of its stream;
    /// `since` is when work on it began.
    pub(crate) fn process(
        &self,
        update: &ConfigurationUpdate,
        first: bool,
        since: Moment,
    ) -> Outcome {
        let behaviour = self.behaviour();
        self.change(|inner, now| {
            let options = &self.options;
            for text in violations::of_update(update, first, &inner.tracked) {
                inner.violation(options, text);
            }
            let (tracked, in_force) = (&mut inner.tracked, &self.in_force);
            let done = apply::process(update, tracked, in_force, &behaviour, now);
            inner.counts.updates += 1;
            inner.counts.full_syncs += u64::from(update.r#type() == UpdateType::FullSync);
            inner.counts.identical_rebuilds += u64::from(done.identical && !first);
            let snapshot = update.snapshot.as_ref();
            let list = |snapshot| Kind::ALL.map(|kind| kind.list(snapshot).len()).iter().sum();
            let resources = snapshot.map_or(usize::from(update.resource.is_some()), list);
            inner.record(
                options,
                Update {
                    kind: violations::word(update),
                    version: update.version.clone(),
                    sequence: update.sequence,
                    resources,
                    outcome: done.outcome.clone(),
                    took: options.clock.now().since(since),
                },
                now,
            );
            done.outcome
        })
    }

    pub(crate) fn acknowledged(&self, version: &str, success: bool) {
        self.change(|inner, _| {
            inner.counts.acknowledged += 1;
            let version = version.to_owned();
            inner.note(&self.options, Event::Acknowledged { version, success });
        });
    }

    pub(crate) fn beaten(&self) {
        self.change(|inner, _| inner.counts.heartbeats += 1);
    }

    /// The gateway believes to have no connection: no heartbeats from now on.
    pub(crate) fn disconnected(&self) {
        self.change(|inner, _| inner.connected = false);
    }

    /// The session and the version to report, while the gateway believes to be connected.
    pub(crate) fn reported(&self) -> Option<Reported> {
        let inner = self.inner.lock();
        let session = inner.session.clone().filter(|_| inner.connected)?;
        Some(Reported {
            session,
            version: inner.tracked.version().to_owned(),
            last_applied: inner.last_applied,
        })
    }

    /// The session that calls of a stream carry.
    pub(crate) fn session(&self) -> String {
        self.inner.lock().session.clone().unwrap_or_default()
    }

    pub(crate) fn version(&self) -> String {
        self.inner.lock().tracked.version().to_owned()
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.inner.lock();
        State {
            phase: inner.phase,
            connected: inner.connected,
            session: inner.session.clone(),
            version: inner.tracked.version().to_owned(),
            sequence: inner.tracked.sequence(),
            tracked: inner.tracked.count(),
            routes: self.in_force.router.len(),
            backends: self.in_force.backends.len(),
            counts: inner.counts,
            last_refusal: inner.last_refusal.clone(),
        }
    }

    /// The tracked resources' JSON, by key.
    pub(crate) fn tracked(&self, kind: Kind) -> BTreeMap<String, bytes::Bytes> {
        let inner = self.inner.lock();
        let list = inner.tracked.list(kind).iter();
        list.map(|(key, spec)| (key.to_string(), spec.json().clone()))
            .collect()
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.inner.lock().violations.clone()
    }

    pub(crate) fn events(&self) -> Vec<Record> {
        self.inner.lock().events.all()
    }

    fn change<T>(&self, with: impl FnOnce(&mut Inner, Moment) -> T) -> T {
        let result = with(&mut self.inner.lock(), self.options.clock.now());
        self.changed.send_replace(());
        result
    }
}

/// What a heartbeat says.
pub(crate) struct Reported {
    pub(crate) session: String,
    pub(crate) version: String,
    pub(crate) last_applied: Option<Moment>,
}

impl Inner {
    fn note(&mut self, options: &Options, event: Event) {
        let record = Record {
            at: options.clock.now(),
            event,
        };
        if let Some(events) = &options.events {
            // Nobody may be listening any more.
            let _ = events.send(record.clone());
        }
        self.events.push(record);
    }

    fn violation(&mut self, options: &Options, text: String) {
        self.counts.violations += 1;
        if self.violations.len() < VIOLATIONS_KEPT {
            self.violations.push(text.clone());
        }
        self.note(options, Event::Violation { text });
    }

    fn record(&mut self, options: &Options, update: Update, now: Moment) {
        match &update.outcome {
            Outcome::Applied => {
                self.counts.applied += 1;
                self.last_applied = Some(now);
            }
            Outcome::Refused(text) => {
                self.counts.refused += 1;
                self.last_refusal = Some(text.clone());
            }
            Outcome::Swallowed(_) => self.counts.swallowed += 1,
            Outcome::Nothing | Outcome::Dropped => {}
        }
        self.note(options, Event::Processed(update));
    }
}
