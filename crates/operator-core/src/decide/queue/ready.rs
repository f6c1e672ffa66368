//! The keys that are due, in the order of their service.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{Age, Class, Moment, ObjectKey, Wanted};

/// A namespace's place in the round of a class; a new number each time it moves to the back.
type Turn = (Class, u64);

/// What has a turn: a namespace in a class.
type Place = (Class, Arc<str>);

/// A key's place among those of other lanes: how many of its lane run, then its age.
type Rank = (usize, Age);

/// Due keys by lane. Only the first key of a lane in a place can be next, so that is what a place knows of a lane with
/// room: that a place moves to the back changes nothing in its lanes, however many they are.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    per_lane: usize,
    lanes: HashMap<Arc<str>, Lane>,
    seats: HashMap<Place, Seat>,
    /// The places with a key in a lane with room.
    round: BTreeMap<Turn, Place>,
    /// The first key of each lane with room.
    oldest: BTreeMap<Rank, Arc<str>>,
    turns: u64,
    /// The key that was served last was so for its age.
    aged: bool,
}

#[derive(Clone, Debug)]
struct Lane {
    running: usize,
    /// How many ran when its places were told of it; none if no more could.
    told: Option<usize>,
    /// Its rank among all lanes.
    oldest: Option<Rank>,
    keys: BTreeMap<Age, ObjectKey>,
    /// The same keys by their places.
    places: HashMap<Place, Waiting>,
}

/// The keys of a lane in a place.
#[derive(Clone, Debug, Default)]
struct Waiting {
    ages: BTreeSet<Age>,
    /// Which of them the place knows.
    shown: Option<Rank>,
}

/// A namespace that has due keys of a class.
#[derive(Clone, Debug)]
struct Seat {
    turn: Turn,
    /// How many lanes have such keys.
    lanes: usize,
    /// The first key of each lane with room.
    open: BTreeMap<Rank, Arc<str>>,
}

impl Lane {
    fn new() -> Self {
        Self {
            running: 0,
            told: Some(0),
            oldest: None,
            keys: BTreeMap::new(),
            places: HashMap::new(),
        }
    }
}

impl Ready {
    pub(super) fn new(per_lane: usize) -> Self {
        Self {
            per_lane,
            lanes: HashMap::new(),
            seats: HashMap::new(),
            round: BTreeMap::new(),
            oldest: BTreeMap::new(),
            turns: 0,
            aged: false,
        }
    }

    /// From now on so many of a lane may run.
    pub(super) fn adjust(&mut self, per_lane: usize) {
        self.per_lane = per_lane;
        let lanes: Vec<_> = self.lanes.keys().cloned().collect();
        lanes.iter().for_each(|lane| self.settle(lane));
    }

    /// The key to serve next, if a lane with room has one, and whether that is for its age.
    pub(super) fn next(&self, now: Moment, ageing: Duration) -> Option<(&ObjectKey, bool)> {
        let aged = match self.aged {
            true => None,
            false => self.oldest(now, ageing),
        };
        let (age, lane) = match aged {
            Some(aged) => aged,
            None => {
                let (_, place) = self.round.first_key_value()?;
                let (&(_, age), lane) = self.seats.get(place)?.open.first_key_value()?;
                (age, lane)
            }
        };
        let key = self.lanes.get(lane)?.keys.get(&age)?;
        Some((key, aged.is_some()))
    }

    /// Of the keys that have waited too long the first. Of lanes of which as many run the oldest key tells for all, so
    /// there are no more steps than places in a lane.
    fn oldest(&self, now: Moment, ageing: Duration) -> Option<(Age, &Arc<str>)> {
        let mut running = 0;
        loop {
            let from = (running, (Moment::ORIGIN, 0));
            let (&(runs, age), lane) = self.oldest.range(from..).next()?;
            if now.since(age.0) > ageing {
                return Some((age, lane));
            }
            running = runs + 1;
        }
    }

    /// Adds a due key; its namespace joins the round of its class at the back.
    pub(super) fn insert(&mut self, key: ObjectKey, wanted: &Wanted) {
        let place = (wanted.class, key.namespace.clone());
        let turns = &mut self.turns;
        let seat = self.seats.entry(place.clone()).or_insert_with(|| {
            *turns += 1;
            Seat {
                turn: (wanted.class, *turns),
                lanes: 0,
                open: BTreeMap::new(),
            }
        });
        let lane = self.lanes.entry(wanted.lane.clone());
        let lane = lane.or_insert_with(Lane::new);
        lane.keys.insert(wanted.age, key);
        let waiting = lane.places.entry(place.clone()).or_default();
        seat.lanes += usize::from(waiting.ages.is_empty());
        waiting.ages.insert(wanted.age);
        self.show(&wanted.lane, &place);
        self.settle(&wanted.lane);
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
        let place = (wanted.class, key.namespace.clone());
        if let Some(lane) = self.lanes.get_mut(&wanted.lane) {
            lane.keys.remove(&wanted.age);
            if let Some(waiting) = lane.places.get_mut(&place) {
                waiting.ages.remove(&wanted.age);
            }
        }
        self.show(&wanted.lane, &place);
        if let Some(lane) = self.lanes.get_mut(&wanted.lane)
            && let Some(waiting) = lane.places.get(&place)
            && waiting.ages.is_empty()
        {
            lane.places.remove(&place);
            if let Some(seat) = self.seats.get_mut(&place) {
                seat.lanes -= 1;
            }
        }
        self.settle(&wanted.lane);
    }

    /// Gives up the seat of the key's namespace if none of its keys is left in the class.
    fn leave(&mut self, key: &ObjectKey, class: Class) {
        let place = (class, key.namespace.clone());
        if self.seats.get(&place).is_some_and(|seat| seat.lanes == 0) {
            self.seats.remove(&place);
        }
    }

    /// A run of `key` begins, for its age or not: it takes a place of its lane, and its namespace moves to the back.
    pub(super) fn served(&mut self, key: &ObjectKey, class: Class, lane: &Arc<str>, aged: bool) {
        self.aged = aged;
        let running = self.lanes.entry(lane.clone()).or_insert_with(Lane::new);
        running.running += 1;
        self.settle(lane);
        let place = (class, key.namespace.clone());
        let Some(seat) = self.seats.get_mut(&place) else {
            return;
        };
        self.turns += 1;
        let before = std::mem::replace(&mut seat.turn, (class, self.turns));
        if self.round.remove(&before).is_some() {
            self.round.insert(seat.turn, place);
        }
    }

    /// A run of the lane has ended.
    pub(super) fn vacated(&mut self, lane: &Arc<str>) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.running -= 1;
        }
        self.settle(lane);
    }

    /// Brings the order of the lanes up to date after a change of `name`.
    fn settle(&mut self, name: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        let running = Some(lane.running).filter(|&running| running < self.per_lane);
        let first = lane.keys.first_key_value().map(|(&age, _)| age);
        let idle = lane.running == 0 && first.is_none();
        let oldest = running.zip(first);
        let before = std::mem::replace(&mut lane.oldest, oldest);
        if before != oldest {
            before.map(|before| self.oldest.remove(&before));
            oldest.map(|oldest| self.oldest.insert(oldest, name.clone()));
        }
        if std::mem::replace(&mut lane.told, running) != running {
            let places: Vec<Place> = lane.places.keys().cloned().collect();
            places.iter().for_each(|place| self.show(name, place));
        }
        if idle {
            self.lanes.remove(name);
        }
    }

    /// Tells a place which key of a lane is its first, if the lane has room.
    fn show(&mut self, name: &Arc<str>, place: &Place) {
        let (Some(lane), Some(seat)) = (self.lanes.get_mut(name), self.seats.get_mut(place)) else {
            return;
        };
        let running = lane.told;
        let Some(waiting) = lane.places.get_mut(place) else {
            return;
        };
        let first = running.zip(waiting.ages.first().copied());
        if waiting.shown == first {
            return;
        }
        if let Some(before) = std::mem::replace(&mut waiting.shown, first) {
            seat.open.remove(&before);
        }
        if let Some(first) = first {
            seat.open.insert(first, name.clone());
        }
        match seat.open.is_empty() {
            true => self.round.remove(&seat.turn),
            false => self.round.insert(seat.turn, place.clone()),
        };
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
        let (mut oldest, mut open) = (BTreeMap::new(), HashMap::<Place, BTreeMap<_, _>>::new());
        let mut seated = HashMap::<Place, usize>::new();
        for (name, lane) in &self.lanes {
            assert!(
                lane.running > 0 || !lane.keys.is_empty(),
                "lane {name} is garbage"
            );
            let running = Some(lane.running).filter(|&running| running < self.per_lane);
            assert_eq!(lane.told, running);
            let places = lane.places.values();
            assert_eq!(
                BTreeSet::from_iter(lane.keys.keys()),
                BTreeSet::from_iter(places.flat_map(|waiting| &waiting.ages)),
                "the two orders of lane {name} hold the same keys"
            );
            for (place, waiting) in &lane.places {
                let elsewhere = |age| lane.keys[age].namespace != place.1;
                assert!(
                    !waiting.ages.iter().any(elsewhere),
                    "{place:?} holds its own"
                );
                let first = waiting.ages.first().copied().expect("else it is garbage");
                assert_eq!(waiting.shown, running.map(|running| (running, first)));
                *seated.entry(place.clone()).or_default() += 1;
                let shown = waiting.shown.map(|rank| (rank, name.clone()));
                open.entry(place.clone()).or_default().extend(shown);
            }
            let first = lane.keys.first_key_value().map(|(&age, _)| age);
            assert_eq!(lane.oldest, running.zip(first));
            oldest.extend(lane.oldest.map(|rank| (rank, name.clone())));
            contents.extend(
                lane.keys
                    .iter()
                    .map(|(age, key)| ((name.clone(), *age), key.clone())),
            );
        }
        let seats = self.seats.iter();
        assert_eq!(
            HashMap::from_iter(
                seats
                    .clone()
                    .map(|(place, seat)| (place.clone(), seat.lanes))
            ),
            seated,
            "a namespace has a seat where it has keys, nowhere else"
        );
        let known = seats
            .clone()
            .map(|(place, seat)| (place.clone(), seat.open.clone()));
        assert_eq!(HashMap::from_iter(known), open);
        let open = seats.filter(|(_, seat)| !seat.open.is_empty());
        let round = open.map(|(place, seat)| (seat.turn, place.clone()));
        assert_eq!(self.round, BTreeMap::from_iter(round));
        assert_eq!(self.oldest, oldest);
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
