//! The work queue: which object's turn it is.
//!
//! A state machine fed by events. Whoever drives it tells what is asked for, takes what may run and says when
//! a run has ended; the queue never waits and reads no clock.
//!
//! What is served next, among the keys that are due and whose [lane](Request::lane) has room:
//!
//! 1. every other time a key that has waited longer than [`Limits::ageing`], if there is one;
//! 2. else a key of the best [`Class`]; within it namespaces take turns.
//!
//! Of several such keys it is one whose lane runs least, and of those the one that has waited longest: places go to
//! lanes alike, so that one which is slow, or waits for its provider's budget of calls, holds up its own keys first.
//!
//! **Bound.** Every other time nothing is served before a key that has aged but what is older, or of lanes that run less
//! than its own does just then (or its own lane is full). Where a lane runs nothing, its oldest key, once aged, is taken
//! with `n` live keys after at most `2n - 1` others, whatever is added meanwhile. And however much has aged, an edit waits for no more
//! than twice the edits before it.
//!
//! **Cost.** Memory follows the keys that wait or run; nothing stays behind of a key, lane or namespace that
//! is gone. An event costs O(log n), however many lanes or namespaces there are; that a run begins or ends, that for each
//! namespace and class that waits in the lane, and those are few; other limits, that for every lane, and they are rare.

mod ready;
mod snapshot;

#[cfg(test)]
mod explored;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use self::ready::Ready;
pub use self::snapshot::{Held, Snapshot};
use super::{clock::Moment, key::ObjectKey};

/// Why a pass is asked for. The order is the order of service, best first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    strum::EnumIter,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// A user's wish has changed: generation, deletion timestamp, one of our annotations.
    Edit,
    /// Something that the object refers to, or a child, has changed.
    Reference,
    /// An earlier pass asked to be repeated.
    Retry,
    /// Initial list, resync, drift interval.
    Resync,
}

/// What may run at once, and how long a key may be passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most runs at once; 0 counts as 1.
    pub running: usize,
    /// Most runs at once of one lane; 0 counts as 1.
    pub running_per_lane: usize,
    /// After waiting for longer than this, a key is served in turn with better classes.
    pub ageing: Duration,
}

/// A wish for one pass over an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The object.
    pub key: ObjectKey,
    /// What the object shares its outside faults with (its provider). A lane that hangs takes at most
    /// [`Limits::running_per_lane`] places. The latest request's lane counts.
    pub lane: Arc<str>,
    /// Why.
    pub class: Class,
    /// Not before this moment; a moment that has passed means now.
    pub due: Moment,
}

/// A key whose run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The object.
    pub key: ObjectKey,
    /// The best class among the requests that this run answers.
    pub class: Class,
    /// How long it waited since it became due or was first asked for, whichever is later.
    pub waited: Duration,
}

/// When a key became due, then the order in which keys were first asked for; unique to a waiting key.
type Age = (Moment, u64);

/// All requests for a key that no run has answered yet, merged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    class: Class,
    lane: Arc<str>,
    age: Age,
}

impl Wanted {
    fn due(&self) -> Moment {
        self.age.0
    }

    /// Takes the better class and the earlier moment; never postpones.
    fn merge(&mut self, later: Self) {
        self.class = self.class.min(later.class);
        self.age.0 = self.age.0.min(later.age.0);
        self.lane = later.lane;
    }
}

#[derive(Clone, Debug)]
struct Running {
    lane: Arc<str>,
    since: Moment,
    /// What was asked for since the run began; it waits when the run ends.
    again: Option<Wanted>,
}

/// The work queue. See the [module](self).
#[derive(Clone, Debug)]
pub struct Queue {
    limits: Limits,
    /// The latest moment heard of: threads that report may overtake one another.
    now: Moment,
    asked: u64,
    waiting: HashMap<ObjectKey, Wanted>,
    running: HashMap<ObjectKey, Running>,
    /// The waiting keys that are not due at `now`.
    delayed: BTreeMap<Age, ObjectKey>,
    /// The waiting keys that are due at `now`.
    ready: Ready,
}

impl Queue {
    /// An empty queue.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            now: Moment::ORIGIN,
            asked: 0,
            waiting: HashMap::new(),
            running: HashMap::new(),
            delayed: BTreeMap::new(),
            ready: Ready::new(limits.running_per_lane.max(1)),
        }
    }

    /// From now on these limits hold. Where more runs than they allow, all of it goes on to its end, and nothing begins
    /// before there is room.
    pub fn adjust(&mut self, limits: Limits) {
        self.limits = limits;
        self.ready.adjust(limits.running_per_lane.max(1));
    }

    /// Asks for a pass. A key that waits already is promoted: it keeps the better class and the earlier
    /// moment. A key that runs waits again, once, when its run ends.
    pub fn add(&mut self, request: Request, now: Moment) {
        self.advance(now);
        let Request {
            key,
            lane,
            class,
            due,
        } = request;
        let wanted = Wanted {
            class,
            lane,
            age: (due.max(self.now), self.asked),
        };
        self.asked += 1;
        if let Some(running) = self.running.get_mut(&key) {
            match &mut running.again {
                Some(again) => again.merge(wanted),
                again => *again = Some(wanted),
            }
            return;
        }
        match self.waiting.get(&key).cloned() {
            None => self.wait(key, wanted),
            Some(before) => {
                let mut after = before.clone();
                after.merge(wanted);
                self.promote(key, &before, after);
            }
        }
    }

    /// Begins the run of the key whose turn it is; `None` if nothing is due or no place is free.
    pub fn take(&mut self, now: Moment) -> Option<Taken> {
        self.advance(now);
        if self.running.len() >= self.places() {
            return None;
        }
        let (key, aged) = self.ready.next(self.now, self.limits.ageing)?;
        let key = key.clone();
        let Wanted {
            class,
            lane,
            age: (due, _),
        } = self.withdraw(&key)?;
        self.ready.served(&key, class, &lane, aged);
        self.running.insert(
            key.clone(),
            Running {
                lane,
                since: self.now,
                again: None,
            },
        );
        Some(Taken {
            key,
            class,
            waited: self.now.since(due),
        })
    }

    /// The run of `key` has ended. Nothing happens if it was not running.
    pub fn finish(&mut self, key: &ObjectKey, now: Moment) {
        self.advance(now);
        let Some(Running { lane, again, .. }) = self.running.remove(key) else {
            return;
        };
        self.ready.vacated(&lane);
        if let Some(wanted) = again {
            self.wait(key.clone(), wanted);
        }
    }

    /// The object is gone: what was asked for is dropped. A run that goes on ends and does not come back,
    /// unless asked for again.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.withdraw(key);
        if let Some(running) = self.running.get_mut(key) {
            running.again = None;
        }
    }

    /// When the next delayed key becomes due; `None` if none is delayed. What is due already needs no
    /// waking: it can be taken now, or when a run ends, or when more may run.
    pub fn wake_at(&self) -> Option<Moment> {
        self.delayed.first_key_value().map(|(&(due, _), _)| due)
    }

    fn places(&self) -> usize {
        self.limits.running.max(1)
    }

    /// Makes what has become due ready.
    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
        while let Some(first) = self.delayed.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let key = first.remove();
            if let Some(wanted) = self.waiting.get(&key) {
                self.ready.insert(key, wanted);
            }
        }
    }

    fn wait(&mut self, key: ObjectKey, wanted: Wanted) {
        if wanted.due() > self.now {
            self.delayed.insert(wanted.age, key.clone());
        } else {
            self.ready.insert(key.clone(), &wanted);
        }
        self.waiting.insert(key, wanted);
    }

    /// A key that is due already keeps its namespace's place: asking again never costs a turn.
    fn promote(&mut self, key: ObjectKey, before: &Wanted, after: Wanted) {
        if before.due() <= self.now {
            self.ready.change(&key, before, &after);
            self.waiting.insert(key, after);
        } else {
            self.withdraw(&key);
            self.wait(key, after);
        }
    }

    fn withdraw(&mut self, key: &ObjectKey) -> Option<Wanted> {
        let wanted = self.waiting.remove(key)?;
        if wanted.due() > self.now {
            self.delayed.remove(&wanted.age);
        } else {
            self.ready.remove(key, &wanted);
        }
        Some(wanted)
    }
}
