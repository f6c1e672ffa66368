//! The gateways that are connected to this replica.
//!
//! A gateway dials, registers, and opens a stream of configuration; it acknowledges each update by a call of its
//! own, and sends heartbeats. Each has a [session](crate::session) that decides what it is sent, and an exchange
//! of its own that carries it, so that a slow or stuck gateway delays nobody else.

mod connection;
mod id;
mod service;
mod state;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apigw_protocol::ConfigurationUpdate;
use operator_core::{
    decide::clock::{Clock, Moment},
    engines::fanout::{Board, Contents, Digest, Exchange, Known},
};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::connection::Connection;
pub use self::{
    id::{GatewayId, NotAGateway},
    service::Service,
    wire::Wire,
};
use crate::{
    metrics::{Gained, Metrics},
    plan::Planner,
    session::{Before, GatewaySession, Learned},
    snapshot::{ItemId, Snapshot},
};

/// A gateway that was silent for this long is gone. It sends a heartbeat every 30 s.
const SILENCE: Duration = Duration::from_secs(90);
/// How often silent ones are looked for.
const LOOK: Duration = Duration::from_secs(15);
/// How many gateways one replica takes.
const MOST: usize = 10_000;

/// What each gateway has.
pub type GatewayBoard = Board<GatewayId, ItemId>;

/// The gateways that are connected to this replica.
pub struct Gateways {
    planner: Arc<Planner>,
    board: Arc<GatewayBoard>,
    metrics: Metrics,
    clock: Clock,
    state: Mutex<State>,
    /// What an update leaves as it is, by the versions before and after: the same for most gateways.
    latest_change: Mutex<Option<Unchanged>>,
}

type Unchanged = ((Digest, Digest), Option<Arc<Contents<ItemId>>>);

#[derive(Default)]
struct State {
    sessions: BTreeMap<Arc<str>, Arc<Connection>>,
    /// Which gateways refused something here, and so may count as theirs what they did not accept.
    refusers: BTreeSet<GatewayId>,
    closing: bool,
}

/// How many gateways this replica has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Those that have registered.
    pub registered: usize,
    /// Those of them whose stream is open.
    pub connected: usize,
}

/// Why a gateway is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The operator is about to stop.
    #[error("this replica is stopping: try another one")]
    Stopping,
    /// There are too many already.
    #[error("{MOST} gateways are connected to this replica already")]
    TooMany,
    /// No registration is known by this name.
    #[error("this session is not known here: register first")]
    Unknown,
}

impl Gateways {
    /// None is connected yet.
    pub fn new(
        planner: Arc<Planner>,
        board: Arc<GatewayBoard>,
        metrics: Metrics,
        clock: Clock,
    ) -> Self {
        Self {
            planner,
            board,
            metrics,
            clock,
            state: Mutex::default(),
            latest_change: Mutex::default(),
        }
    }

    /// A gateway registers. Returns the name of its session.
    ///
    /// # Errors
    /// [`NotTaken`] if it has to go elsewhere.
    fn register(
        &self,
        mut id: GatewayId,
        version: String,
        session: Arc<str>,
    ) -> Result<(), NotTaken> {
        if id.pod.is_empty() {
            // Nothing else tells it from another one of its name.
            id.pod = session.clone();
        }
        let mut state = self.state.lock();
        if state.closing {
            return Err(NotTaken::Stopping);
        }
        if state.sessions.len() >= MOST {
            return Err(NotTaken::TooMany);
        }
        tracing::info!(gateway = %id, version, "a gateway has registered");
        let connection = Connection::new(id, session.clone(), version, self.clock.now());
        state.sessions.insert(session, Arc::new(connection));
        Ok(())
    }

    /// A gateway opens its stream; `fresh` if it says that it never took anything.
    ///
    /// # Errors
    /// [`NotTaken`] if it has to register anew, or to go elsewhere.
    fn open(
        self: &Arc<Self>,
        session: &str,
        fresh: bool,
    ) -> Result<mpsc::Receiver<ConfigurationUpdate>, NotTaken> {
        let now = self.clock.now();
        let had = match (fresh, self.find(session)) {
            // It may count as its own what it refused; but it has nothing in force.
            (true, _) | (_, None) => None,
            (false, Some(connection)) => {
                let known = self.board.contents(&connection.id);
                let told = || self.planner.told_in_force().into();
                Some(known.unwrap_or_else(told))
            }
        };
        // Held to the end: who closes everything sees this stream, too.
        let state = self.state.lock();
        if state.closing {
            return Err(NotTaken::Stopping);
        }
        let connection = state.sessions.get(session).ok_or(NotTaken::Unknown)?;
        let connection = connection.clone();
        connection.seen(now);
        // What another replica was refused is told by the objects that are held out since.
        let refused = state.refusers.contains(&connection.id) || self.planner.holds_out();
        let before = match fresh && !refused {
            true => Before::Nothing,
            false => Before::Something,
        };
        let known = match fresh {
            true => Known::Nothing,
            false => Known::Something,
        };
        let sequence = self.clock.wall().as_microsecond();
        let gateway = GatewaySession::begin(before, had, sequence, now);
        let exchange = Arc::new(Exchange::new(gateway));
        self.board
            .joined(&connection.id, connection.session.clone(), known, now);
        let has = self.board.contents(&connection.id);
        connection.open(exchange.clone(), has, now);
        drop(state);
        let (updates, outgoing) = mpsc::channel(1);
        tokio::spawn(self.clone().stream(connection, exchange, updates));
        Ok(outgoing)
    }

    async fn stream(
        self: Arc<Self>,
        connection: Arc<Connection>,
        exchange: Arc<Exchange<GatewaySession>>,
        updates: mpsc::Sender<ConfigurationUpdate>,
    ) {
        let snapshots = self.planner.snapshots();
        let sends = |brings: &Snapshot| self.sends(&connection, brings);
        exchange.run(snapshots, updates, sends, &self.clock).await;
        if connection.closed(&exchange) {
            self.forget(&connection, "its stream has ended");
        }
    }

    /// A gateway is sent what shall bring it to `next`. From now on until it answers it has for certain only what
    /// `next` does not change: what changes may be in force already, or never come to be.
    fn sends(&self, connection: &Connection, next: &Snapshot) {
        // What its last answer taught is told first.
        let _in_order = connection.hears();
        let Some(has) = self.board.contents(&connection.id) else {
            return;
        };
        let next = next.contents();
        let change = (has.version(), next.version());
        let common = {
            let mut latest = self.latest_change.lock();
            if latest.as_ref().is_none_or(|(known, _)| *known != change) {
                *latest = Some((change, has.common(next).map(Arc::new)));
            }
            latest.as_ref().and_then(|(_, common)| common.clone())
        };
        if let Some(common) = common {
            self.board
                .has(&connection.id, &connection.session, Known::Exactly(common));
        }
    }

    /// A gateway is sent an update of this version.
    fn pushes(&self, session: &str, version: &str) {
        self.metrics.pushed();
        if let Some(connection) = self.find(session) {
            connection.pushes(version);
        }
    }

    /// A gateway answers an update: with nothing, or with its words of refusal.
    fn answered(&self, session: &str, version: &str, answer: Result<(), String>) {
        let now = self.clock.now();
        let Some(connection) = self.find(session) else {
            return;
        };
        connection.seen(now);
        connection.answers(version, answer.is_ok());
        let Some(exchange) = connection.exchange() else {
            return;
        };
        if answer.is_err() && exchange.look(|session| session.awaits(version)) {
            self.metrics.refused();
            self.state.lock().refusers.insert(connection.id.clone());
        }
        let _in_order = connection.hears();
        let learned = exchange.tell(|session| session.answered(version, answer, now));
        self.learned(&connection, learned, now);
    }

    fn learned(&self, connection: &Connection, learned: Option<Learned>, now: Moment) {
        match learned {
            None => {}
            Some(Learned::Has(snapshot)) => self.has(connection, &snapshot, now),
            Some(Learned::Refuses(item, words, rest)) => {
                if let Some(rest) = rest {
                    self.has(connection, &rest, now);
                }
                let held_out = self.planner.refused(&item, &words);
                tracing::warn!(gateway = %connection.id, item = %item.id(), held_out, "a gateway refuses it: {words}");
            }
            Some(Learned::RefusesAll(words)) => {
                tracing::warn!(gateway = %connection.id, "a gateway refuses whatever it is sent: {words}");
                connection.took(None);
                let nobody_knows = Known::Something;
                self.board
                    .has(&connection.id, &connection.session, nobody_knows);
            }
        }
    }

    fn has(&self, connection: &Connection, snapshot: &Arc<Snapshot>, now: Moment) {
        let contents = snapshot.contents().clone();
        self.state.lock().refusers.remove(&connection.id);
        let before = connection.took(Some(contents.clone()));
        let streams_since = connection.standing().streams_since;
        if let (Some(plan), Some(since)) = (self.planner.current(), streams_since) {
            let gained = Gained {
                before: before.as_deref(),
                after: &contents,
                since,
            };
            self.metrics.gained(&plan, &gained, now);
        }
        self.board.has(
            &connection.id,
            &connection.session,
            Known::Exactly(contents),
        );
    }

    /// A gateway lives; the update of this version is the last that it took.
    fn heartbeat(&self, session: &str, version: &str) -> bool {
        let Some(connection) = self.find(session) else {
            return false;
        };
        connection.seen(self.clock.now());
        // An acknowledgement that was lost is told again so.
        if !version.is_empty() {
            self.answered(session, version, Ok(()));
        }
        true
    }

    /// Drops silent gateways. Never ends.
    pub async fn reap(&self) {
        loop {
            self.clock.sleep_until(self.clock.now() + LOOK).await;
            let now = self.clock.now();
            let silent: Vec<_> = {
                let state = self.state.lock();
                let sessions = state.sessions.values();
                sessions
                    .filter(|connection| now.since(connection.standing().seen) >= SILENCE)
                    .cloned()
                    .collect()
            };
            for connection in silent {
                connection.close();
                self.metrics.reaped();
                self.forget(&connection, "it was silent for too long");
            }
        }
    }

    /// Ends every stream, in order, and takes no gateway any more.
    pub fn close(&self) {
        let sessions = {
            let mut state = self.state.lock();
            state.closing = true;
            state.sessions.clone()
        };
        for connection in sessions.values() {
            connection.close();
        }
    }

    /// How many gateways are registered here, and how many of them have their stream open.
    pub fn count(&self) -> Count {
        let state = self.state.lock();
        let sessions = state.sessions.values();
        let streaming = sessions.filter(|connection| connection.exchange().is_some());
        Count {
            registered: state.sessions.len(),
            connected: streaming.count(),
        }
    }

    fn find(&self, session: &str) -> Option<Arc<Connection>> {
        self.state.lock().sessions.get(session).cloned()
    }

    fn forget(&self, connection: &Connection, why: &'static str) {
        let mut state = self.state.lock();
        if state.sessions.remove(&connection.session).is_some() {
            tracing::info!(gateway = %connection.id, "a gateway has left: {why}");
        }
        drop(state);
        self.board
            .left(&connection.id, &connection.session, self.clock.now());
    }
}
