//! The places of a story at which an operator can die, and the trap that stops it dead at one of them.

use std::{collections::HashMap, fmt, sync::Arc};

use harness::proxy::{Call, Point as Side, Verb, Verdict};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// Which server a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    Api,
    Aws,
}

/// One side of one call. A call is known by what it is and how many alike came before, not by its place among
/// all: passes over different objects may take turns in another order each time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    side: Side,
    verb: Verb,
    call: String,
    number: usize,
}

impl Point {
    /// Whether its call changes something.
    pub fn is_write(&self) -> bool {
        self.verb == Verb::Write
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} #{}", self.side, self.call, self.number)
    }
}

/// Watches the calls of one story; holds everything once its point is reached.
#[derive(Clone)]
pub struct Trap(Arc<Inner>);

struct Inner {
    namespace: String,
    target: Option<Point>,
    phase: watch::Sender<Phase>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Armed,
    Sprung,
    Released,
}

#[derive(Default)]
struct Seen {
    counts: HashMap<String, usize>,
    /// The calls under way, by server and sequence number.
    numbers: HashMap<(Server, u64), (String, usize)>,
    points: Vec<Point>,
}

impl Trap {
    /// A trap in `namespace` at `target`; without one it only watches.
    pub fn at(namespace: &str, target: Option<Point>) -> Self {
        Self(Arc::new(Inner {
            namespace: namespace.to_owned(),
            target,
            phase: watch::Sender::new(Phase::Armed),
            seen: Mutex::default(),
        }))
    }

    /// The points that were passed so far, in their order.
    pub fn points(&self) -> Vec<Point> {
        self.0.seen.lock().points.clone()
    }

    /// Whether the point was reached.
    pub fn is_sprung(&self) -> bool {
        *self.0.phase.borrow() != Phase::Armed
    }

    /// Waits until the point is reached. From then on nothing passes in either direction.
    pub async fn sprung(&self) {
        self.reached(|phase| phase != Phase::Armed).await;
    }

    /// Cuts all that is held and lets pass what comes from now on.
    pub fn release(&self) {
        self.0.phase.send_replace(Phase::Released);
    }

    /// What happens to a call at one of its sides.
    pub async fn pass(&self, server: Server, side: Side, call: &Call) -> Verdict {
        if *self.0.phase.borrow() == Phase::Sprung {
            return self.held().await;
        }
        let Some(here) = self.here(server, side, call) else {
            return Verdict::Pass;
        };
        let springs = |phase: &mut Phase| {
            let springs = *phase == Phase::Armed && self.0.target.as_ref() == Some(&here);
            if springs {
                *phase = Phase::Sprung;
            }
            springs
        };
        if self.0.phase.send_if_modified(springs) {
            return self.held().await;
        }
        Verdict::Pass
    }

    async fn held(&self) -> Verdict {
        self.reached(|phase| phase == Phase::Released).await;
        Verdict::Cut
    }

    async fn reached(&self, wanted: impl Fn(Phase) -> bool) {
        let mut phase = self.0.phase.subscribe();
        phase
            .wait_for(|phase| wanted(*phase))
            .await
            .expect("the sender lives as long as self");
    }

    fn here(&self, server: Server, side: Side, call: &Call) -> Option<Point> {
        let mut seen = self.0.seen.lock();
        let key = (server, call.seq);
        let verb = call.verb;
        let (call, number) = match side {
            Side::Before => {
                let name = self.name(server, call)?;
                let count = seen.counts.entry(name.clone()).or_default();
                *count += 1;
                let numbered = (name, *count);
                seen.numbers.insert(key, numbered.clone());
                numbered
            }
            Side::After => seen.numbers.remove(&key)?,
        };
        // A renewal is like any other, and their number is a matter of time.
        if call.contains("/leases") && number > 1 {
            return None;
        }
        let here = Point {
            side,
            verb,
            call,
            number,
        };
        seen.points.push(here.clone());
        Some(here)
    }

    /// What a call is, alike in every story; none for what cannot have an effect.
    fn name(&self, server: Server, call: &Call) -> Option<String> {
        let path = call.path.replace(&self.0.namespace, "*");
        match (server, call.verb, call.about.as_str()) {
            (Server::Aws, _, operation) => Some(format!("{operation} {path}")),
            (Server::Api, Verb::Read | Verb::Watch, _) => None,
            // Its path ends in a random number, if it has a name at all.
            (Server::Api, Verb::Write, "events") => {
                let event: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                let text = |field| event.pointer(field).and_then(Value::as_str).unwrap_or("?");
                let (reason, name) = (text("/reason"), text("/regarding/name"));
                Some(format!("{} event {reason} of {name}", call.method))
            }
            (Server::Api, Verb::Write, _) => Some(format!("{} {path}", call.method)),
        }
    }
}
