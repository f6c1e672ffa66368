//! Every interleaving of events over a few keys, breadth first, until no new state turns up.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Class, Limits, ObjectKey, Queue, Taken,
    model::{Event, Model},
};

const TICK: Duration = Duration::from_secs(1);

/// A small world: which keys, in which lanes, asked for how.
struct World {
    limits: Limits,
    /// Namespace, name, lane. A key that stands here twice changes its lane.
    keys: &'static [(&'static str, &'static str, &'static str)],
    classes: &'static [Class],
    delays: &'static [u32],
    /// How many may run at once, in all and in one lane, as it changes; nothing where it stays as it is.
    places: &'static [(usize, usize)],
}

impl World {
    fn adds(&self) -> Vec<Event> {
        let mut adds = Vec::new();
        for &(namespace, name, lane) in self.keys {
            for &class in self.classes {
                for &delay in self.delays {
                    let key = ObjectKey::new(namespace, name);
                    adds.push(Event::Add {
                        key,
                        lane: lane.into(),
                        class,
                        delay: TICK * delay,
                    });
                }
            }
        }
        adds
    }

    /// Walks through all states and returns how many there are.
    fn explore(&self) -> usize {
        let mut always = self.adds();
        always.extend([Event::Take, Event::Pass(TICK)]);
        let places = self.places.iter();
        always.extend(places.map(|&(running, running_per_lane)| Event::Places {
            running,
            running_per_lane,
        }));
        let start = (Queue::new(self.limits), Model::new(self.limits));
        let mut seen = BTreeSet::from([start.1.essence()]);
        let mut border = VecDeque::from([start]);
        while let Some((queue, model)) = border.pop_front() {
            everything_asked_for_is_taken(queue.clone(), &model);
            let finishes = model.running().into_iter().map(Event::Finish);
            let forgets = model.wanted().into_keys().map(Event::Forget);
            for event in always.iter().cloned().chain(finishes).chain(forgets) {
                let (mut queue, mut model) = (queue.clone(), model.clone());
                step(&mut queue, &mut model, &event);
                if seen.insert(model.essence()) {
                    border.push_back((queue, model));
                }
            }
        }
        seen.len()
    }
}

/// One event, and what must hold whatever the order of service is.
pub fn step(queue: &mut Queue, model: &mut Model, event: &Event) -> Option<Taken> {
    let before = model.clone();
    let (runs, lanes) = (queue.running.len(), queue.ready.running());
    let taken = model.follow(queue, event);
    if let Some(taken) = &taken {
        assert!(
            !before.running().contains(&taken.key),
            "{taken:?} runs twice"
        );
        let wanted = &before.eligible().find(|waiting| waiting.key == taken.key);
        let Some(wanted) = wanted else {
            panic!("{taken:?} was not due or its lane was full")
        };
        if before.goes_by_age() {
            for other in before.eligible().filter(|other| before.aged(other)) {
                assert!(
                    before.aged(wanted) && before.rank(wanted) <= before.rank(other),
                    "{other:?} has aged, and {taken:?} overtakes it"
                );
            }
        } else {
            assert!(
                before.eligible().all(|other| wanted.class <= other.class),
                "{taken:?} is not the best"
            );
        }
    } else if matches!(event, Event::Take) && before.running().len() < before.limits.running {
        assert_eq!(before.eligible().count(), 0, "something could have run");
    }
    // More than may run do so only where they did before.
    assert!(queue.running.len() <= before.limits.running.max(runs));
    for (lane, now) in queue.ready.running() {
        let runs = lanes.get(&lane).copied().unwrap_or_default();
        assert!(now <= before.limits.running_per_lane.max(runs), "{lane}");
    }
    taken
}

/// From here on takes, ends of runs and time go on: each key is taken once, none before its moment, and
/// nothing is left.
pub fn everything_asked_for_is_taken(mut queue: Queue, model: &Model) {
    let (mut now, mut wanted, mut running) = (model.now, model.wanted(), model.running());
    loop {
        while let Some(taken) = queue.take(now) {
            let due = wanted.remove(&taken.key);
            assert!(
                due.is_some_and(|due| due <= now),
                "{taken:?} was due {due:?}"
            );
            running.push(taken.key);
        }
        match (running.pop(), queue.wake_at()) {
            (Some(key), _) => queue.finish(&key, now),
            (None, Some(moment)) => {
                assert!(moment > now, "what is due has not been taken");
                now = moment;
            }
            (None, None) => break,
        }
    }
    assert!(wanted.is_empty(), "lost: {wanted:?}");
    assert!(
        queue.waiting.is_empty()
            && queue.ready.contents().is_empty()
            && queue.ready.rounds().is_empty()
    );
}

const LIMITS: Limits = Limits {
    running: 2,
    running_per_lane: 1,
    ageing: TICK,
};

#[test]
fn all_classes_and_delays() {
    let world = World {
        limits: LIMITS,
        keys: &[("a", "1", "x"), ("b", "1", "x")],
        classes: &[Class::Edit, Class::Reference, Class::Retry, Class::Resync],
        delays: &[0, 1, 2],
        places: &[],
    };
    assert!(world.explore() > 2_000);
}

#[test]
fn two_namespaces_and_two_lanes() {
    let world = World {
        limits: LIMITS,
        keys: &[("a", "1", "x"), ("a", "2", "y"), ("b", "1", "x")],
        classes: &[Class::Edit, Class::Resync],
        delays: &[0],
        places: &[],
    };
    assert!(world.explore() > 4_000);
}

#[test]
fn a_key_that_changes_its_lane() {
    let world = World {
        limits: LIMITS,
        keys: &[("a", "1", "x"), ("a", "1", "y"), ("b", "1", "x")],
        classes: &[Class::Edit, Class::Retry],
        delays: &[0, 2],
        places: &[],
    };
    assert!(world.explore() > 1_500);
}

#[test]
fn three_namespaces_take_turns() {
    let world = World {
        limits: Limits {
            running: 1,
            ..LIMITS
        },
        keys: &[
            ("a", "1", "x"),
            ("a", "2", "x"),
            ("b", "1", "x"),
            ("c", "1", "x"),
        ],
        classes: &[Class::Resync],
        delays: &[0],
        places: &[],
    };
    assert!(world.explore() > 5_000);
}

/// So that more run than may, in all and in one lane, and then fewer.
#[test]
fn places_come_and_go() {
    let world = World {
        limits: LIMITS,
        keys: &[("a", "1", "x"), ("b", "1", "x"), ("b", "2", "y")],
        classes: &[Class::Edit],
        delays: &[0],
        places: &[(3, 2), (2, 1), (1, 1)],
    };
    assert!(world.explore() > 1_500);
}
