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
        self.lift(key, wanted);
        self.leave(key, wanted.class);
    }

    /// Moves a key to what is wanted now; its namespace keeps its turn in a class where it stays.
    pub(super) fn change(&mut self, key: &ObjectKey, before: &Wanted, after: &Wanted) {
        if before != after {
            self.lift(key, before);
            self.insert(key.clone(), after);
            self.leave(key, before.class);
        }
    }

    /// Takes a key out of its lane.
    fn lift(&mut self, key: &ObjectKey, wanted: &Wanted) {
        let seat = self.seats.get_mut(&(wanted.class, key.namespace.clone()));
        if let (Some(seat), Some(lane)) = (seat, self.lanes.get_mut(&wanted.lane)) {
            lane.keys.remove(&wanted.age);
            if let Some(ages) = lane.turns.get_mut(&seat.turn) {
                ages.remove(&wanted.age);
                if ages.is_empty() {
                    lane.turns.remove(&seat.turn);
                    seat.lanes.remove(&wanted.lane);
                }
            }
        }
        self.refresh(&wanted.lane);
    }

    /// Gives up the seat of the key's namespace if none of its keys is left in the class.
    fn leave(&mut self, key: &ObjectKey, class: Class) {
        let place = (class, key.namespace.clone());
        if self
            .seats
            .get(&place)
            .is_some_and(|seat| seat.lanes.is_empty())
        {
            self.seats.remove(&place);
        }
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

#[cfg(test)]
impl Ready {
    /// The namespaces of each class in the order of their turns.
    pub(super) fn rounds(&self) -> BTreeMap<Class, Vec<Arc<str>>> {
        let turns = BTreeMap::from_iter(
            self.seats
                .iter()
                .map(|((class, namespace), seat)| (seat.turn, (*class, namespace.clone()))),
        );
        let mut rounds = BTreeMap::<_, Vec<_>>::new();
        for (class, namespace) in turns.into_values() {
            rounds.entry(class).or_default().push(namespace);
        }
        rounds
    }

    /// All keys by lane, with their ages; checks that every index says the same and none says more.
    pub(super) fn contents(&self) -> BTreeMap<(Arc<str>, Age), ObjectKey> {
        let mut contents = BTreeMap::new();
        let (mut oldest, mut best) = (BTreeSet::new(), BTreeSet::new());
        let mut seated = HashMap::<(Class, Arc<str>), HashSet<Arc<str>>>::new();
        for (name, lane) in &self.lanes {
            assert!(
                lane.running > 0 || !lane.keys.is_empty(),
                "lane {name} is garbage"
            );
            assert_eq!(
                BTreeSet::from_iter(lane.keys.keys()),
                BTreeSet::from_iter(lane.turns.values().flatten()),
                "the two orders of lane {name} hold the same keys"
            );
            for (turn, ages) in &lane.turns {
                for age in ages {
                    let place = (turn.0, lane.keys[age].namespace.clone());
                    assert_eq!(
                        self.seats[&place].turn, *turn,
                        "{age:?} stands at its namespace's turn"
                    );
                    seated.entry(place).or_default().insert(name.clone());
                }
            }
            if let Some((&age, _)) = lane.keys.first_key_value()
                && lane.running < self.per_lane
            {
                oldest.insert((age, name.clone()));
                let (&turn, ages) = lane.turns.first_key_value().unwrap();
                best.insert(((turn, *ages.first().unwrap()), name.clone()));
            }
            contents.extend(
                lane.keys
                    .iter()
                    .map(|(age, key)| ((name.clone(), *age), key.clone())),
            );
        }
        let seats = self
            .seats
            .iter()
            .map(|(place, seat)| (place.clone(), seat.lanes.clone()));
        assert_eq!(
            HashMap::from_iter(seats),
            seated,
            "a namespace has a seat where it has keys, nowhere else"
        );
        assert_eq!((&self.oldest.order, &self.best.order), (&oldest, &best));
        assert_eq!(
            (self.oldest.ranks.len(), self.best.ranks.len()),
            (oldest.len(), best.len())
        );
        contents
    }

    /// The number of runs by lane.
    pub(super) fn running(&self) -> BTreeMap<Arc<str>, usize> {
        let running = self
            .lanes
            .iter()
            .map(|(name, lane)| (name.clone(), lane.running));
        running.filter(|&(_, running)| running > 0).collect()
    }
}
