//! A replica at work: it serves, and reports to whoever leads.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use harness::wait::{PATIENCE, until};
use operator_core::{
    cluster::election::{LeaderAddress, Leadership},
    decide::clock::Clock,
    engines::fanout::{
        Board, Contents, Digest, Entry, Known, Refusal, Refusals,
        replicas::{Replicas, Reporter},
    },
    process::{certs::ClientCertificates, grpc, http::Listening},
};
use rustls::pki_types::ServerName;
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tonic::service::Routes;

use crate::stage::{Holder, NAME, listen};

/// What a receiver is known to have: what it holds under each name, or none if nobody knows.
pub type Held = BTreeMap<String, u8>;

pub struct Replica {
    pub name: &'static str,
    pub board: Arc<Board<String, String>>,
    pub refusals: Arc<Refusals<String>>,
    pub address: SocketAddr,
    clock: Clock,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Replica {
    /// One that leads, and knows of nobody else.
    pub async fn leader(name: &'static str, holder: &Holder, clock: &Clock) -> Self {
        let leadership = Leadership::always(clock.clone());
        let leader = leadership.leader();
        Self::start(name, holder, clock, listen().await, leadership, leader)
    }

    /// One that never leads, and reports to the leader of this watch.
    pub async fn follower(
        name: &'static str,
        holder: &Holder,
        clock: &Clock,
        leader: watch::Receiver<Option<LeaderAddress>>,
    ) -> Self {
        let leadership = crate::election::nobody_leads(clock).await;
        Self::start(name, holder, clock, listen().await, leadership, leader)
    }

    pub fn start(
        name: &'static str,
        holder: &Holder,
        clock: &Clock,
        listening: Listening,
        leadership: Leadership,
        leader: watch::Receiver<Option<LeaderAddress>>,
    ) -> Self {
        let board = Arc::new(Board::new(Duration::ZERO, clock.now()));
        let refusals = Arc::new(Refusals::default());
        let (stop, stopped) = watch::channel(false);
        let address = listening.address();
        let replicas = Arc::new(Replicas {
            board: board.clone(),
            refusals: refusals.clone(),
            leadership,
            names: vec![
                ServerName::try_from("other").unwrap(),
                ServerName::try_from(NAME).unwrap(),
            ],
            clock: clock.clone(),
            stop: stopped.clone(),
        });
        let reporter = Reporter {
            replica: name.into(),
            board: board.clone(),
            refusals: refusals.clone(),
            clock: clock.clone(),
        };
        let routes = Routes::new(replicas.clone().into_server());
        // As gateways' port may be: who shows no certificate is refused by the service.
        let tls = holder.server(ClientCertificates::Optional);
        let mut tasks = JoinSet::new();
        tasks.spawn(grpc::serve(
            listening,
            tls,
            routes,
            64,
            clock.clone(),
            stopped.clone(),
        ));
        tasks.spawn(async move { replicas.run().await });
        tasks.spawn(reporter.run(leader, holder.dialling(), stopped));
        Self {
            name,
            board,
            refusals,
            address,
            clock: clock.clone(),
            stop,
            tasks,
        }
    }

    /// What others know of it while it leads.
    pub fn as_leader(&self) -> Option<LeaderAddress> {
        Some(LeaderAddress {
            identity: self.name.to_owned(),
            address: self.address.to_string(),
        })
    }

    pub fn joins(&self, receiver: &str) {
        let session = format!("{}-{receiver}", self.name);
        let now = self.clock.now();
        self.board
            .joined(&receiver.into(), session.into(), Known::Nothing, now);
    }

    pub fn has(&self, receiver: &str, held: &Held) {
        self.has_contents(receiver, &contents(held));
    }

    pub fn has_contents(&self, receiver: &str, contents: &Arc<Contents<String>>) {
        let session = format!("{}-{receiver}", self.name);
        self.board
            .has(&receiver.into(), &session, Known::Exactly(contents.clone()));
    }

    pub fn leaves(&self, receiver: &str) {
        let session = format!("{}-{receiver}", self.name);
        self.board
            .left(&receiver.into(), &session, self.clock.now());
    }

    pub fn refuses(&self, id: &str, edition: &str) {
        let refusal = Refusal {
            edition: edition.into(),
            words: format!("{} refuses it", self.name).into(),
        };
        self.refusals.note(&id.into(), refusal);
    }

    /// The connected receivers that it knows of, each with its session and the version that it has.
    pub fn knows(&self) -> BTreeMap<String, (String, Option<Digest>)> {
        let connected = self.board.receivers().into_iter();
        let connected = connected.filter(|(_, known)| known.left.is_none());
        let shown = connected.map(|(id, known)| {
            let version = match known.has {
                Known::Exactly(contents) => Some(contents.version()),
                Known::Nothing | Known::Something => None,
            };
            (id, (known.session.to_string(), version))
        });
        shown.collect()
    }

    /// Waits until it knows exactly these receivers, each of a replica and with what it has.
    pub async fn comes_to_know(&self, expected: &[(&str, &str, Option<&Held>)]) {
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(receiver, replica, held)| {
                let version = held.map(|held| contents(held).version());
                let session = format!("{replica}-{receiver}");
                (receiver.to_string(), (session, version))
            })
            .collect();
        self.eventually(&format!("{} to know {expected:?}", self.name), || {
            let known = self.knows();
            (known == expected).then_some(()).ok_or(known)
        })
        .await;
    }

    /// Waits, and lets the pauses between tries pass meanwhile.
    pub async fn eventually<E: std::fmt::Debug>(
        &self,
        what: &str,
        mut check: impl FnMut() -> Result<(), E>,
    ) {
        let mut looks = 0_u32;
        until(what, PATIENCE, || {
            let checked = check();
            looks += 1;
            // Seldom, so that handshakes and answers do not time out meanwhile.
            if checked.is_err() && looks.is_multiple_of(10) {
                self.clock.advance(std::time::Duration::from_secs(1));
            }
            async move { checked.map_err(|found| format!("{found:?}")) }
        })
        .await
        .unwrap();
    }

    /// As the operator is stopped.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The one that follows the leadership never ends.
        for _ in 0..self.tasks.len() - 1 {
            let ended = timeout(PATIENCE, self.tasks.join_next()).await;
            ended.expect("it stops").unwrap().unwrap();
        }
    }

    /// As its Pod is lost: no word is said.
    pub fn kill(mut self) {
        self.tasks.abort_all();
    }
}

pub fn held(items: &[(&str, u8)]) -> Held {
    let owned = |(id, content): &(&str, u8)| ((*id).to_owned(), *content);
    items.iter().map(owned).collect()
}

pub fn contents(held: &Held) -> Arc<Contents<String>> {
    let entry = |(id, content): (&String, &u8)| {
        Arc::new(Entry {
            id: id.clone(),
            digest: Digest::of([&[*content][..]]),
        })
    };
    Arc::new(Contents::new(held.iter().map(entry)))
}
