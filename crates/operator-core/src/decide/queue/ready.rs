//! The keys that are due, in the order of their service.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{Age, Class, Moment, ObjectKey, Wanted};

/// A namespace's place in the round of a class; a new number each time it moves to the back.
type Turn = (Class, u64);

/// Due keys by lane. Only the first key of a lane can be next, so the lanes with room are ordered by it.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    per_lane: usize,
    lanes: HashMap<Arc<str>, Lane>,
    seats: HashMap<(Class, Arc<str>), Seat>,
    oldest: Heads<Age>,
    best: Heads<(Turn, Age)>,
    turns: u64,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    running: usize,
    keys: BTreeMap<Age, ObjectKey>,
    /// The same keys by the turn of their class and namespace.
    turns: BTreeMap<Turn, BTreeSet<Age>>,
}

/// A namespace that has due keys of a class.
#[derive(Clone, Debug)]
struct Seat {
    turn: Turn,
    lanes: HashSet<Arc<str>>,
}

impl Ready {
    pub(super) fn new(per_lane: usize) -> Self {
        Self {
            per_lane,
            lanes: HashMap::new(),
            seats: HashMap::new(),
            oldest: Heads::new(),
            best: Heads::new(),
            turns: 0,
        }
    }

    /// The key to serve next, if a lane with room has one.
    pub(super) fn next(&self, now: Moment, ageing: Duration) -> Option<&ObjectKey> {
        let (&(due, order), lane) = self.oldest.first()?;
        let (age, lane) = if now.since(due) > ageing {
            ((due, order), lane)
        } else {
            let (&(_, age), lane) = self.best.first()?;
            (age, lane)
        };
        self.lanes.get(lane)?.keys.get(&age)
    }

    /// Adds a due key; its namespace joins the round of its class at the back.
    pub(super) fn insert(&mut self, key: ObjectKey, wanted: &Wanted) {
        let turns = &mut self.turns;
        let seat = self
            .seats
            .entry((wanted.class, key.namespace.clone()))
            .or_insert_with(|| {
                *turns += 1;
                Seat {
                    turn: (wanted.class, *turns),
                    lanes: HashSet::new(),
                }
            });
        seat.lanes.insert(wanted.lane.clone());
        let lane = self.lanes.entry(wanted.lane.clone()).or_default();
        lane.keys.insert(wanted.age, key);
        lane.turns.entry(seat.turn).or_default().insert(wanted.age);
        self.refresh(&wanted.lane);
    }

    /// Takes a key out; nothing stays of a namespace or lane that has no other.
    pub(super) fn remove(&mut self, key: &ObjectKey, wanted: &Wanted) {
        let place = (wanted.class, key.namespace.clone());
        if let (Some(lane), Some(seat)) =
            (self.lanes.get_mut(&wanted.lane), self.seats.get_mut(&place))
        {
            lane.keys.remove(&wanted.age);
            if let Some(ages) = lane.turns.get_mut(&seat.turn) {
                ages.remove(&wanted.age);
                if ages.is_empty() {
                    lane.turns.remove(&seat.turn);
                    seat.lanes.remove(&wanted.lane);
                }
            }
            if seat.lanes.is_empty() {
                self.seats.remove(&place);
            }
        }
        self.refresh(&wanted.lane);
    }

    /// A run of `key` begins: it takes a place of its lane, and its namespace moves to the back.
    pub(super) fn served(&mut self, key: &ObjectKey, class: Class, lane: &Arc<str>) {
        self.lanes.entry(lane.clone()).or_default().running += 1;
        self.refresh(lane);
        let Some(seat) = self.seats.get_mut(&(class, key.namespace.clone())) else {
            return;
        };
        self.turns += 1;
        let before = std::mem::replace(&mut seat.turn, (class, self.turns));
        let (after, moved) = (seat.turn, Vec::from_iter(seat.lanes.iter().cloned()));
        for name in moved {
            if let Some(lane) = self.lanes.get_mut(&name)
                && let Some(ages) = lane.turns.remove(&before)
            {
                lane.turns.insert(after, ages);
            }
            self.refresh(&name);
        }
    }

    /// A run of the lane has ended.
    pub(super) fn vacated(&mut self, lane: &Arc<str>) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.running -= 1;
        }
        self.refresh(lane);
    }

    /// Brings the order of the lanes up to date after a change of `name`.
    fn refresh(&mut self, name: &Arc<str>) {
        let Some(lane) = self.lanes.get(name) else {
            return;
        };
        let room = lane.running < self.per_lane;
        let oldest = lane.keys.first_key_value().map(|(&age, _)| age);
        let best = lane
            .turns
            .first_key_value()
            .and_then(|(&turn, ages)| ages.first().map(|&age| (turn, age)));
        let idle = lane.running == 0 && oldest.is_none();
        self.oldest.set(name, oldest.filter(|_| room));
        self.best.set(name, best.filter(|_| room));
        if idle {
            self.lanes.remove(name);
        }
    }
}

/// Lanes ordered by the rank of their first key.
#[derive(Clone, Debug)]
struct Heads<Rank> {
    ranks: HashMap<Arc<str>, Rank>,
    order: BTreeSet<(Rank, Arc<str>)>,
}

impl<Rank: Copy + Ord> Heads<Rank> {
    fn new() -> Self {
        Self {
            ranks: HashMap::new(),
            order: BTreeSet::new(),
        }
    }

    fn first(&self) -> Option<(&Rank, &Arc<str>)> {
        self.order.first().map(|(rank, lane)| (rank, lane))
    }

    fn set(&mut self, lane: &Arc<str>, rank: Option<Rank>) {
        let before = match rank {
            Some(rank) => self.ranks.insert(lane.clone(), rank),
            None => self.ranks.remove(lane),
        };
        if before == rank {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, lane.clone()));
        }
        if let Some(rank) = rank {
            self.order.insert((rank, lane.clone()));
        }
    }
}
