//! The places of a story at which an operator can die, and the trap that stops it dead at one of them.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use gateway::{Event, Record};
use harness::proxy::{Call, Point as Side, Verb, Verdict};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// A place of the story. A write is known by what it is and how many alike came before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// One side of a write to the API server.
    Write(Seen, String, usize),
    /// A gateway has processed so many updates, and is about to acknowledge the last.
    Processed(usize),
    /// A gateway has acknowledged so many updates.
    Acknowledged(usize),
}

/// Whether the API server has seen the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    NotYet,
    Already,
}

impl Point {
    /// Whether every telling passes it.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Write(_, what, number) => what.ends_with("/status") && *number == 1,
            Self::Processed(count) | Self::Acknowledged(count) => *count == 1,
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Watches the writes and updates of one story; holds every call once its point is reached.
#[derive(Clone)]
pub struct Trap(Arc<Inner>);

struct Inner {
    namespace: String,
    target: Option<Point>,
    phase: watch::Sender<Phase>,
    passed: Mutex<Passed>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Armed,
    Sprung,
    Released,
}

#[derive(Default)]
struct Passed {
    counts: BTreeMap<String, usize>,
    /// The writes under way, by their sequence number.
    open: HashMap<u64, (String, usize)>,
    processed: usize,
    acknowledged: usize,
    points: Vec<Point>,
}

impl Trap {
    /// A trap in `namespace` at `target`; without one it only watches.
    pub fn at(namespace: &str, target: Option<Point>) -> Self {
        Self(Arc::new(Inner {
            namespace: namespace.to_owned(),
            target,
            phase: watch::Sender::new(Phase::Armed),
            passed: Mutex::default(),
        }))
    }

    /// The points that were passed so far.
    pub fn points(&self) -> Vec<Point> {
        self.0.passed.lock().points.clone()
    }

    /// Whether the point was reached.
    pub fn is_sprung(&self) -> bool {
        *self.0.phase.borrow() != Phase::Armed
    }

    /// Waits until the point is reached. From then on no call of the operator passes.
    pub async fn sprung(&self) {
        self.reached(|phase| phase != Phase::Armed).await;
    }

    /// Cuts all that is held, and lets pass what comes from now on.
    pub fn release(&self) {
        self.0.phase.send_replace(Phase::Released);
    }

    /// What happens to a call at one of its sides.
    pub async fn call(&self, side: Side, call: &Call) -> Verdict {
        if *self.0.phase.borrow() != Phase::Sprung {
            let here = self.write(side, call);
            if !here.is_some_and(|here| self.springs(here)) {
                return Verdict::Pass;
            }
        }
        self.reached(|phase| phase == Phase::Released).await;
        Verdict::Cut
    }

    /// What a gateway tells of itself.
    pub fn event(&self, record: &Record) {
        let here = {
            let mut passed = self.0.passed.lock();
            match record.event {
                Event::Processed(_) => {
                    passed.processed += 1;
                    Point::Processed(passed.processed)
                }
                Event::Acknowledged { .. } => {
                    passed.acknowledged += 1;
                    Point::Acknowledged(passed.acknowledged)
                }
                _ => return,
            }
        };
        self.springs(here);
    }

    fn springs(&self, here: Point) -> bool {
        let hit = self.0.target.as_ref() == Some(&here);
        self.0.passed.lock().points.push(here);
        self.0.phase.send_if_modified(|phase| {
            let springs = hit && *phase == Phase::Armed;
            if springs {
                *phase = Phase::Sprung;
            }
            springs
        })
    }

    async fn reached(&self, wanted: impl Fn(Phase) -> bool) {
        let mut phase = self.0.phase.subscribe();
        let reached = phase.wait_for(|phase| wanted(*phase)).await;
        reached.expect("the sender lives as long as self");
    }

    fn write(&self, side: Side, call: &Call) -> Option<Point> {
        let mut passed = self.0.passed.lock();
        let (seen, (name, number)) = match side {
            Side::Before => {
                let name = self.name(call)?;
                let count = passed.counts.entry(name.clone()).or_default();
                *count += 1;
                let numbered = (name, *count);
                passed.open.insert(call.seq, numbered.clone());
                (Seen::NotYet, numbered)
            }
            Side::After => (Seen::Already, passed.open.remove(&call.seq)?),
        };
        // A renewal is like any other, and their number is a matter of time.
        let renewal = name.contains("/leases") && number > 1;
        (!renewal).then_some(Point::Write(seen, name, number))
    }

    /// What a write is, alike in every story.
    fn name(&self, call: &Call) -> Option<String> {
        if call.verb != Verb::Write {
            return None;
        }
        if call.about == "events" {
            // Its path ends in a random number, if it has a name at all.
            let event: Value = serde_json::from_slice(&call.body).unwrap_or_default();
            let text = |field| event.pointer(field).and_then(Value::as_str).unwrap_or("?");
            let (reason, name) = (text("/reason"), text("/regarding/name"));
            return Some(format!("{} event {reason} of {name}", call.method));
        }
        let path = call.path.replace(&self.0.namespace, "*");
        Some(format!("{} {path}", call.method))
    }
}
