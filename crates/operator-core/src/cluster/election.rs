//! Leader election: drives [`decide::lease`](crate::decide::lease) against the API server.
//!
//! Needs the right of [`rule`], and a client that does not retry by itself: a retry would only make an answer late.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use k8s_openapi::api::{
    coordination::v1::{Lease, LeaseSpec},
    rbac::v1::PolicyRule,
};
use kube::{Api, Client, api::PostParams};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::{
    leading::{Leading, Term},
    refusal::{code, explain},
    rules::rule as rule_of,
};
use crate::decide::{
    clock::{Clock, Moment},
    key::ObjectKey,
    lease::{Action, Answer, Elector, Record, Timings},
};

/// The right to take part, in the Lease's namespace.
pub fn rule() -> PolicyRule {
    rule_of(
        "coordination.k8s.io",
        &["leases"],
        &["get", "create", "update"],
    )
}

/// Who wants to lead, and by which Lease.
#[derive(Clone, Debug)]
pub struct Candidacy {
    /// The Lease's namespace and name.
    pub lease: ObjectKey,
    /// This process's own name: no two may share it.
    pub identity: String,
    /// How long the lease lasts, and when its holder gives up.
    pub timings: Timings,
    /// Where this process, while it leads, takes what other replicas report: `host:port`. It stands on the
    /// Lease for them to read; `None` if nothing is reported.
    pub address: Option<String>,
}

/// The annotation of the Lease that says where its holder takes what other replicas report, as `host:port`.
pub const LEADER_ADDRESS: &str = "operator-core/leader-address";

/// Another process that leads, and where it takes reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderAddress {
    /// Its name in the election.
    pub identity: String,
    /// `host:port`.
    pub address: String,
}

/// One participant of an election. Does nothing until it is [run](Self::run).
pub struct Election {
    api: Api<Lease>,
    clock: Clock,
    candidacy: Candidacy,
    elector: Elector,
    /// The Lease as it was last seen: a write keeps what others wrote on it.
    seen: Lease,
    term: Option<Term>,
    sender: watch::Sender<Option<Leading>>,
    state: Arc<Shared>,
}

/// Who leads, as far as this process knows. Cheap to clone.
#[derive(Clone)]
pub struct Leadership {
    receiver: watch::Receiver<Option<Leading>>,
    state: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    slow_paths: AtomicU64,
    inherited: AtomicBool,
    seen: Mutex<Seen>,
    leader: watch::Sender<Option<LeaderAddress>>,
    /// Keeps the channel of a leadership without election open.
    _open: Option<watch::Sender<Option<Leading>>>,
}

#[derive(Default)]
struct Seen {
    lease: Option<ObjectKey>,
    identity: Option<String>,
    holder: Option<String>,
    last_error: Option<String>,
}

/// How an election stands, for `/debug/state`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseState {
    /// Whether this process may write.
    pub leading: bool,
    /// The Lease; none without election.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// This process's name in the election.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who held the lease when it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The last error met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl Leadership {
    /// A process that leads for ever, without election.
    pub fn always(clock: Clock) -> Self {
        let (sender, receiver) = watch::channel(Some(Leading::always(clock)));
        Self {
            receiver,
            state: Arc::new(Shared {
                _open: Some(sender),
                ..Shared::default()
            }),
        }
    }

    /// The right to write, if this process leads now.
    pub fn current(&self) -> Option<Leading> {
        self.receiver
            .borrow()
            .clone()
            .filter(|leading| leading.check().is_ok())
    }

    /// Brings every beginning (`Some`) and end (`None`) of a term.
    pub fn watch(&self) -> watch::Receiver<Option<Leading>> {
        self.receiver.clone()
    }

    /// Follows which other process leads, and where it takes reports: `None` while nobody knows, while it does
    /// not say where, and while this process leads itself. It is the last that was seen of the Lease, so
    /// whoever is dialled there may lead no more.
    pub fn leader(&self) -> watch::Receiver<Option<LeaderAddress>> {
        self.state.leader.subscribe()
    }

    /// Whether others may stand for the Lease, too: it was there before this process, or somebody else has held it.
    pub fn is_inherited(&self) -> bool {
        self.state.inherited.load(Ordering::Relaxed)
    }

    /// Whether another process held the Lease when it was last seen.
    pub fn is_anothers(&self) -> bool {
        let seen = self.state.seen.lock();
        seen.holder.is_some() && seen.holder != seen.identity
    }

    /// How often the lease had to be read before it could be renewed
    /// (controller-runtime's `leader_election_slowpath_total`).
    pub fn slow_paths(&self) -> u64 {
        self.state.slow_paths.load(Ordering::Relaxed)
    }

    /// How the election stands.
    pub fn state(&self) -> LeaseState {
        let seen = self.state.seen.lock();
        LeaseState {
            leading: self.current().is_some(),
            lease: seen.lease.as_ref().map(ToString::to_string),
            identity: seen.identity.clone(),
            holder: seen.holder.clone(),
            last_error: seen.last_error.clone(),
        }
    }
}

impl Election {
    /// Prepares to stand for election.
    pub fn new(client: Client, clock: Clock, candidacy: Candidacy) -> (Self, Leadership) {
        let (sender, receiver) = watch::channel(None);
        let state = Arc::new(Shared::default());
        *state.seen.lock() = Seen {
            lease: Some(candidacy.lease.clone()),
            identity: Some(candidacy.identity.clone()),
            ..Seen::default()
        };
        let election = Self {
            api: Api::namespaced(client, &candidacy.lease.namespace),
            clock,
            elector: Elector::new(candidacy.identity.clone(), candidacy.timings),
            candidacy,
            seen: Lease::default(),
            term: None,
            sender,
            state: state.clone(),
        };
        (election, Leadership { receiver, state })
    }

    /// Takes part until `resign` is ready, which must be when nothing is being written any more: then the
    /// lease is freed, so that the next one leads at once, and this ends.
    pub async fn run(mut self, resign: impl Future<Output = ()>) {
        tokio::pin!(resign);
        let mut resigned = false;
        loop {
            let action = self.elector.next(self.clock.now(), self.clock.wall());
            self.settle();
            match action {
                Action::End => return,
                Action::WaitUntil(moment) => tokio::select! {
                    () = self.clock.sleep_until(moment) => {}
                    () = &mut resign, if !resigned => {
                        resigned = true;
                        self.elector.resign();
                    }
                },
                request => self.perform(request).await,
            }
        }
    }

    async fn perform(&mut self, request: Action) {
        let started = self.clock.now();
        if request == Action::Read && self.term.is_some() {
            self.state.slow_paths.fetch_add(1, Ordering::Relaxed);
        }
        let deadline = started + self.candidacy.timings.request_timeout();
        let deadline = deadline.min(self.elector.leading_until().unwrap_or(Moment::NEVER));
        let clock = self.clock.clone();
        let answer = match clock.until(deadline, self.ask(request)).await {
            Some(Ok(answer)) => {
                self.state.seen.lock().last_error = None;
                answer
            }
            // Another candidate was faster.
            Some(Err(error)) if code(&error) == Some(409) => Answer::Failed,
            Some(Err(error)) => self.failed(explain(&error)),
            None => self.failed("the API server did not answer in time".to_owned()),
        };
        self.elector
            .answered(answer, started, self.clock.now(), fastrand::f64());
        self.settle();
    }

    async fn ask(&mut self, request: Action) -> kube::Result<Answer> {
        let name = self.candidacy.lease.name.clone();
        let stored = match &request {
            Action::Read => match self.api.get(&name).await {
                Err(error) if code(&error) == Some(404) => return Ok(Answer::Absent),
                read => read?,
            },
            Action::Create(record) => {
                let mut lease = Lease::default();
                lease.metadata.name = Some(name.to_string());
                self.say_where(&mut lease, record);
                lease.spec = Some(record.into());
                self.api.create(&PostParams::default(), &lease).await?
            }
            Action::Update(record, version) => {
                let mut lease = self.seen.clone();
                lease.metadata.resource_version = Some(version.clone());
                self.say_where(&mut lease, record);
                lease.spec = Some(rewritten(lease.spec, record));
                self.api
                    .replace(&name, &PostParams::default(), &lease)
                    .await?
            }
            Action::WaitUntil(_) | Action::End => return Ok(Answer::Failed),
        };
        let record = Record::from(&stored.spec.clone().unwrap_or_default());
        if request == Action::Read {
            let is_ours = ["", self.candidacy.identity.as_str()].contains(&record.holder.as_str());
            if !is_ours || self.seen.metadata.uid != stored.metadata.uid {
                self.state.inherited.store(true, Ordering::Relaxed);
            }
        }
        let version = stored.metadata.resource_version.clone().unwrap_or_default();
        self.seen = stored;
        Ok(match request {
            Action::Read => Answer::Found(record, version),
            _ => Answer::Written(record, version),
        })
    }

    /// Writes where the holder takes reports, beside what the election writes anyway. What a holder before
    /// this one said goes.
    fn say_where(&self, lease: &mut Lease, record: &Record) {
        let holds = record.holder == self.candidacy.identity;
        match self.candidacy.address.as_ref().filter(|_| holds) {
            Some(address) => {
                let annotations = lease.metadata.annotations.get_or_insert_default();
                annotations.insert(LEADER_ADDRESS.to_owned(), address.clone());
            }
            None => {
                if let Some(annotations) = &mut lease.metadata.annotations {
                    annotations.remove(LEADER_ADDRESS);
                }
            }
        }
    }

    /// Who else holds the Lease as it was last seen, if it says where it takes reports.
    fn other_leader(&self) -> Option<LeaderAddress> {
        let identity = self.elector.holder()?;
        let said = self.seen.metadata.annotations.as_ref()?;
        let address = said.get(LEADER_ADDRESS)?;
        (identity != self.candidacy.identity).then(|| LeaderAddress {
            identity: identity.to_owned(),
            address: address.clone(),
        })
    }

    fn failed(&self, error: String) -> Answer {
        let lease = &self.candidacy.lease;
        let mut seen = self.state.seen.lock();
        if seen.last_error.as_ref() == Some(&error) {
            debug!(%lease, "leader election still fails: {error}");
        } else {
            warn!(%lease, "leader election fails and is tried again: {error}");
        }
        seen.last_error = Some(error);
        Answer::Failed
    }

    /// Makes the term what the elector says, and tells those who listen.
    fn settle(&mut self) {
        self.state.seen.lock().holder = self.elector.holder().map(str::to_owned);
        let leader = self.other_leader();
        self.state.leader.send_if_modified(|known| {
            let is_news = *known != leader;
            *known = leader;
            is_news
        });
        let until = self
            .elector
            .leading_until()
            .filter(|until| self.clock.now() < *until);
        if let Some(term) = &mut self.term {
            if let Some(until) = until {
                term.extend(until);
            }
            // A renewal that came after the deadline begins a new term: the old one was over.
            if until.is_some() && term.leading().check().is_ok() {
                return;
            }
            self.term = None;
            self.sender.send_replace(None);
            info!(lease = %self.candidacy.lease, "this replica no longer leads");
        }
        if let Some(until) = until {
            let term = Term::begin(self.clock.clone(), until);
            self.sender.send_replace(Some(term.leading()));
            self.term = Some(term);
            info!(lease = %self.candidacy.lease, identity = self.candidacy.identity, "this replica leads");
        }
    }
}

/// The stored spec with what the election writes; what it does not know stays.
fn rewritten(stored: Option<LeaseSpec>, record: &Record) -> LeaseSpec {
    let LeaseSpec {
        holder_identity,
        lease_duration_seconds,
        acquire_time,
        renew_time,
        lease_transitions,
        ..
    } = record.into();
    LeaseSpec {
        holder_identity,
        lease_duration_seconds,
        acquire_time,
        renew_time,
        lease_transitions,
        ..stored.unwrap_or_default()
    }
}
