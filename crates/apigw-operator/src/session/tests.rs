//! A session against a model of a gateway with its traps, over every history that proptest thinks of.

use std::collections::BTreeSet;

use bytes::Bytes;
use operator_core::decide::key::ObjectKey;
use proptest::prelude::*;

use super::*;
use crate::snapshot::Kind;

/// A gateway as far as sessions can tell one.
#[derive(Default)]
struct Gateway {
    tracked: BTreeSet<String>,
    /// Whether what is tracked is in force.
    in_force: bool,
    serves: BTreeSet<String>,
    last_version: String,
    last_sequence: i64,
    registered: Moment,
    ever_refused: bool,
    bad: BTreeSet<String>,
}

fn key(resource: &apigw_protocol::ConfigurationResource) -> String {
    ObjectKey::new(resource.namespace.as_str(), resource.name.as_str()).to_string()
}

fn keys(snapshot: &Snapshot) -> BTreeSet<String> {
    let key = |item: &Arc<Item>| item.id().key.to_string();
    snapshot.items().iter().map(key).collect()
}

impl Gateway {
    /// What it answers; nothing where it drops the update in silence.
    fn take(&mut self, update: &ConfigurationUpdate, now: Moment) -> Option<Result<(), String>> {
        let answer = match (update.r#type(), &update.snapshot) {
            (UpdateType::FullSync, Some(snapshot)) => {
                let lists = snapshot.api_routes.iter().chain(&snapshot.backends);
                self.sync(lists.map(key).collect(), now)
            }
            (UpdateType::Deleted, _) => {
                if update.sequence <= self.last_sequence {
                    return None;
                }
                let resource = update
                    .resource
                    .as_ref()
                    .expect("a deletion names what goes");
                self.tracked.remove(&key(resource));
                self.reload()
            }
            other => panic!("never sent: {other:?}"),
        };
        if answer.is_ok() {
            self.last_version = update.version.clone();
            self.last_sequence = update.sequence;
        }
        Some(answer)
    }

    fn sync(&mut self, snapshot: BTreeSet<String>, now: Moment) -> Result<(), String> {
        let empty = snapshot.is_empty() && !self.tracked.is_empty();
        let young = now.since(self.registered) <= Duration::from_secs(30);
        if empty || (young && snapshot.len() < self.tracked.len()) {
            return Ok(());
        }
        self.tracked = snapshot;
        self.reload()
    }

    fn reload(&mut self) -> Result<(), String> {
        self.in_force = self.tracked.is_disjoint(&self.bad);
        self.ever_refused |= !self.in_force;
        if !self.in_force {
            return Err("validation failed".to_owned());
        }
        self.serves = self.tracked.clone();
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Event {
    Target(BTreeSet<u8>),
    Exchange,
    AcknowledgementLost,
    Reconnects,
    Restarts,
    Passes(u8),
    TurnsBad(u8),
    TurnsGood,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => prop::collection::btree_set(0_u8..5, 0..5).prop_map(Event::Target),
        6 => Just(Event::Exchange),
        1 => Just(Event::AcknowledgementLost),
        1 => Just(Event::Reconnects),
        1 => Just(Event::Restarts),
        2 => (0_u8..40).prop_map(Event::Passes),
        1 => (0_u8..5).prop_map(Event::TurnsBad),
        1 => Just(Event::TurnsGood),
    ]
}

fn item(number: u8) -> Arc<Item> {
    let id = ItemId::new(Kind::ApiRoute, ObjectKey::new("ns", number.to_string()));
    Arc::new(Item::new(id, Bytes::from(format!("{{\"{number}\":1}}"))))
}

fn snapshot(numbers: &BTreeSet<u8>) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(numbers.iter().copied().map(item)))
}

struct Play {
    now: Moment,
    gateway: Gateway,
    session: GatewaySession,
    wished: BTreeSet<u8>,
    held_out: BTreeSet<u8>,
    sequence: i64,
    /// What the session said last that the gateway has.
    told: Option<BTreeSet<String>>,
    /// What of it is certain after what was sent since.
    certain: BTreeSet<String>,
}

impl Play {
    fn new() -> Self {
        Self {
            now: Moment::ORIGIN,
            gateway: Gateway::default(),
            session: GatewaySession::begin(Before::Nothing, None, 0, Moment::ORIGIN),
            wished: BTreeSet::new(),
            held_out: BTreeSet::new(),
            sequence: 0,
            told: None,
            certain: BTreeSet::new(),
        }
    }

    fn has(&mut self, snapshot: &Snapshot) {
        assert!(self.gateway.in_force, "it has what it refused");
        assert_eq!(
            keys(snapshot),
            self.gateway.tracked,
            "it has something else"
        );
        self.told = Some(keys(snapshot));
        self.certain = keys(snapshot);
    }

    fn target(&self) -> Arc<Snapshot> {
        snapshot(&(&self.wished - &self.held_out))
    }

    /// One update and its answer. Says when the session wants to be asked again, if it sent nothing.
    fn exchange(&mut self, answer_arrives: bool) -> Option<Moment> {
        let target = self.target();
        let (update, brings) = match self.session.next(&target, self.now) {
            Next::Wait(until) => return Some(until),
            Next::Send { message, brings } => (message, brings),
        };
        self.certain = &self.certain & &keys(&brings);
        let answer = self
            .gateway
            .take(&update, self.now)
            .expect("sequences grow");
        let lacks = &self.certain - &self.gateway.serves;
        assert!(
            lacks.is_empty(),
            "it was said to have {lacks:?} for certain"
        );
        if answer_arrives {
            match self.session.answered(&update.version, answer, self.now) {
                Some(Learned::Has(snapshot)) => self.has(&snapshot),
                Some(Learned::Refuses(item, _, rest)) => {
                    if let Some(rest) = rest {
                        self.has(&rest);
                    }
                    let key = item.id().key.to_string();
                    assert!(self.gateway.bad.contains(&key), "{key} is innocent");
                    let number = item.id().key.name.parse().expect("a number");
                    self.held_out.insert(number);
                }
                Some(Learned::RefusesAll(words)) => panic!("{words}"),
                None => {}
            }
        }
        None
    }

    fn connect(&mut self) {
        self.gateway.registered = self.now;
        let new = self.gateway.last_version.is_empty() && !self.gateway.ever_refused;
        let before = if new {
            Before::Nothing
        } else {
            Before::Something
        };
        self.sequence += 1000;
        self.told = None;
        self.session = GatewaySession::begin(before, None, self.sequence, self.now);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Target(wished) => self.wished = wished,
            Event::Exchange => drop(self.exchange(true)),
            Event::AcknowledgementLost => drop(self.exchange(false)),
            Event::Reconnects => self.connect(),
            Event::Restarts => {
                let bad = std::mem::take(&mut self.gateway.bad);
                self.gateway = Gateway {
                    bad,
                    ..Gateway::default()
                };
                self.certain.clear();
                self.connect();
            }
            Event::Passes(seconds) => self.now = self.now + Duration::from_secs(seconds.into()),
            // A search is right about one state of the gateway; it may not change under it.
            Event::TurnsBad(_) | Event::TurnsGood if self.session.blame.is_some() => {}
            Event::TurnsBad(number) => {
                self.gateway.bad.insert(format!("ns/{number}"));
            }
            Event::TurnsGood => {
                self.gateway.bad.clear();
                self.held_out.clear();
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            match self.exchange(true) {
                None => {}
                Some(Moment::NEVER) => return,
                Some(later) => self.now = later,
            }
        }
        panic!("it does not settle: {:?}", self.session);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn what_it_says_is_true_and_in_the_end_the_gateway_has_what_it_must(
        events in prop::collection::vec(event(), 0..40)
    ) {
        let mut play = Play::new();
        for event in events {
            play.happens(event);
        }
        play.settle();
        let target = keys(&play.target());
        prop_assert_eq!(&play.gateway.tracked, &target);
        prop_assert!(play.gateway.in_force);
        prop_assert_eq!(play.told.as_ref(), Some(&target), "and it was told");
    }
}

/// It works off one update after the other, and each takes it so long.
#[test]
fn a_gateway_that_is_slower_than_the_patience_gets_there() {
    let takes = 3 * PATIENCE;
    let mut session = GatewaySession::begin(Before::Nothing, None, 0, Moment::ORIGIN);
    let (mut now, mut idle_at) = (Moment::ORIGIN, Moment::ORIGIN);
    let mut in_work = std::collections::VecDeque::new();
    // How often it is sent one target until it has it.
    let mut sent_until_it_has = |session: &mut GatewaySession, full: &Arc<Snapshot>| {
        for sent in 0..20 {
            let due = loop {
                match session.next(full, now) {
                    Next::Send { message, .. } => {
                        idle_at = idle_at.max(now) + takes;
                        in_work.push_back((idle_at, message.version));
                        break None;
                    }
                    Next::Wait(due) => match in_work.front() {
                        Some((done, _)) if *done <= due => {
                            let (done, version) = in_work.pop_front().expect("it is there");
                            now = done;
                            if let Some(Learned::Has(_)) = session.answered(&version, Ok(()), now) {
                                break Some(sent);
                            }
                        }
                        _ => now = due,
                    },
                }
            };
            if let Some(sent) = due {
                return sent;
            }
        }
        panic!("it never settles: {session:?}");
    };
    let first = sent_until_it_has(&mut session, &snapshot(&BTreeSet::from([1])));
    assert!(first > 1, "the patience ended before it answered");
    let second = sent_until_it_has(&mut session, &snapshot(&BTreeSet::from([1, 2])));
    assert_eq!(second, 1, "it is known to be slow");
}

#[test]
fn nothing_proves_that_a_gateway_that_refuses_everything_has_nothing() {
    let now = Moment::ORIGIN;
    let mut session = GatewaySession::begin(Before::Nothing, None, 0, now);
    let full = snapshot(&BTreeSet::from([1]));
    let mut told = None;
    while told.is_none() {
        let Next::Send { message, .. } = session.next(&full, now) else {
            panic!("it searches: {session:?}");
        };
        told = session.answered(&message.version, Err("broken".to_owned()), now);
    }
    assert!(matches!(told, Some(Learned::RefusesAll(_))), "{told:?}");
    let empty = snapshot(&BTreeSet::new());
    let next = session.next(&empty, now);
    assert!(
        matches!(next, Next::Wait(until) if until == now + RELIEF),
        "{next:?}"
    );
}
