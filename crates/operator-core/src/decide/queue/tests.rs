//! Single cases, and long random histories over many keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::{prelude::*, sample::select};
use strum::IntoEnumIterator;

use super::{
    Class, Limits, Moment, ObjectKey, Queue, Request, Taken,
    explored::{everything_asked_for_is_taken, step},
    model::{Event, Model},
};

const LIMITS: Limits = Limits {
    running: 100,
    running_per_lane: 100,
    ageing: Duration::from_secs(60),
};

fn at(seconds: u64) -> Moment {
    Moment::at(Duration::from_secs(seconds))
}

fn request(key: &str, class: Class, due: Moment) -> Request {
    let (namespace, name) = key.split_once('/').unwrap();
    Request {
        key: ObjectKey::new(namespace, name),
        lane: "lane".into(),
        class,
        due,
    }
}

fn queue(limits: Limits, requests: &[(&str, Class)]) -> Queue {
    let mut queue = Queue::new(limits);
    for (key, class) in requests {
        queue.add(request(key, *class, at(0)), at(0));
    }
    queue
}

fn take_all(queue: &mut Queue, now: Moment) -> Vec<String> {
    std::iter::from_fn(|| queue.take(now))
        .map(|taken| taken.key.to_string())
        .collect()
}

#[test]
fn better_classes_first() {
    let mut classes = Vec::from_iter(Class::iter());
    classes.reverse();
    let names = ["n/resync", "n/retry", "n/reference", "n/edit"];
    let mut queue = queue(LIMITS, &Vec::from_iter(names.into_iter().zip(classes)));
    assert_eq!(
        take_all(&mut queue, at(0)),
        ["n/edit", "n/reference", "n/retry", "n/resync"]
    );
}

#[test]
fn namespaces_take_turns_and_a_newcomer_joins_at_the_back() {
    let many = ["a/1", "a/2", "a/3", "b/1", "b/2"].map(|key| (key, Class::Edit));
    let mut queue = queue(LIMITS, &many);
    assert_eq!(queue.take(at(0)).unwrap().key.to_string(), "a/1");
    queue.add(request("c/1", Class::Edit, at(0)), at(0));
    assert_eq!(
        take_all(&mut queue, at(0)),
        ["b/1", "a/2", "c/1", "b/2", "a/3"]
    );
}

#[test]
fn asking_again_costs_no_turn() {
    let mut queue = queue(LIMITS, &[("a/1", Class::Edit), ("b/1", Class::Edit)]);
    queue.add(
        Request {
            lane: "other".into(),
            ..request("a/1", Class::Edit, at(0))
        },
        at(0),
    );
    queue.add(request("a/1", Class::Resync, at(9)), at(0));
    assert_eq!(take_all(&mut queue, at(0)), ["a/1", "b/1"]);
}

#[test]
fn a_waiting_key_is_promoted_and_never_postponed() {
    let mut queue = Queue::new(LIMITS);
    queue.add(request("n/1", Class::Retry, at(50)), at(0));
    queue.add(request("n/1", Class::Resync, at(90)), at(0));
    assert_eq!((queue.take(at(49)), queue.wake_at()), (None, Some(at(50))));
    queue.add(request("n/1", Class::Edit, at(0)), at(49));
    let taken = queue.take(at(49)).unwrap();
    assert_eq!((taken.class, taken.waited), (Class::Edit, Duration::ZERO));
    queue.finish(&taken.key, at(49));
    assert_eq!(
        (queue.take(at(100)), queue.wake_at()),
        (None, None),
        "one run answers all requests"
    );
}

#[test]
fn a_running_key_waits_once_more() {
    let mut queue = queue(LIMITS, &[("n/1", Class::Edit)]);
    let key = queue.take(at(0)).unwrap().key;
    queue.add(request("n/1", Class::Retry, at(30)), at(1));
    queue.add(request("n/1", Class::Edit, at(2)), at(2));
    assert_eq!(queue.take(at(40)), None, "never twice at once");
    queue.finish(&key, at(40));
    let again = Taken {
        key: key.clone(),
        class: Class::Edit,
        waited: Duration::from_secs(38),
    };
    assert_eq!(queue.take(at(40)), Some(again));
    queue.finish(&key, at(41));
    assert_eq!(queue.take(at(41)), None);
}

#[test]
fn a_forgotten_key_comes_back_only_if_asked_for() {
    let mut queue = queue(LIMITS, &[("n/1", Class::Edit), ("n/2", Class::Edit)]);
    let one = queue.take(at(0)).unwrap().key;
    queue.add(request("n/1", Class::Edit, at(0)), at(0));
    queue.forget(&one);
    queue.forget(&ObjectKey::new("n", "2"));
    assert_eq!(queue.take(at(0)), None);
    queue.finish(&one, at(0));
    assert_eq!(queue.take(at(0)), None);
    queue.add(request("n/1", Class::Resync, at(0)), at(0));
    assert_eq!(queue.take(at(0)).unwrap().key, one);
    queue.forget(&one);
    queue.add(request("n/1", Class::Resync, at(0)), at(0));
    queue.finish(&one, at(0));
    assert!(queue.take(at(0)).is_some());
}

#[test]
fn a_full_lane_blocks_itself_alone() {
    let mut queue = Queue::new(Limits {
        running: 3,
        running_per_lane: 2,
        ..LIMITS
    });
    for (key, lane) in [
        ("n/1", "hangs"),
        ("n/2", "hangs"),
        ("n/3", "hangs"),
        ("n/4", "well"),
        ("n/5", "well"),
    ] {
        queue.add(
            Request {
                lane: lane.into(),
                ..request(key, Class::Edit, at(0))
            },
            at(0),
        );
    }
    assert_eq!(take_all(&mut queue, at(0)), ["n/1", "n/4", "n/2"]);
    queue.finish(&ObjectKey::new("n", "4"), at(1));
    assert_eq!(take_all(&mut queue, at(1)), ["n/5"]);
    queue.finish(&ObjectKey::new("n", "5"), at(2));
    assert_eq!(
        take_all(&mut queue, at(1_000)),
        [""; 0],
        "not even ageing overfills a lane"
    );
    queue.finish(&ObjectKey::new("n", "1"), at(1_000));
    assert_eq!(take_all(&mut queue, at(1_000)), ["n/3"]);
}

#[test]
fn places_that_come_are_taken_at_once_and_those_that_go_are_when_their_runs_end() {
    let places = |running, running_per_lane| Limits {
        running,
        running_per_lane,
        ..LIMITS
    };
    let mut queue = queue(
        places(2, 1),
        &["n/1", "n/2", "n/3", "n/4", "n/5", "n/6"].map(|key| (key, Class::Edit)),
    );
    assert_eq!(take_all(&mut queue, at(0)), ["n/1"]);
    queue.adjust(places(4, 3));
    assert_eq!(take_all(&mut queue, at(0)), ["n/2", "n/3"], "of one lane");

    queue.adjust(places(2, 2));
    let finish = |queue: &mut Queue, key: &str| {
        let key = ObjectKey::new("n", key);
        assert!(queue.running.contains_key(&key), "it goes on");
        queue.finish(&key, at(1));
        take_all(queue, at(1))
    };
    assert_eq!(take_all(&mut queue, at(1)), [""; 0]);
    assert_eq!(finish(&mut queue, "1"), [""; 0], "as many as may run");
    assert_eq!(finish(&mut queue, "2"), ["n/4"]);
    assert_eq!(queue.snapshot(at(1)).places, 2);
}

/// Ten providers, whose objects were asked for one provider after the other: none has to wait for another's to end.
#[test]
fn places_go_to_lanes_alike() {
    let mut queue = Queue::new(Limits {
        running: 16,
        running_per_lane: 12,
        ..LIMITS
    });
    for number in 0..200 {
        let request = Request {
            lane: format!("{}", number / 20).into(),
            ..request(&format!("n/{number}"), Class::Resync, at(0))
        };
        queue.add(request, at(0));
    }
    // By turn, and then after all have aged.
    for now in [at(1), at(100)] {
        let taken = take_all(&mut queue, now);
        let lanes = queue.ready.running();
        assert_eq!((taken.len(), lanes.len()), (16, 10));
        assert!(lanes.values().all(|&runs| runs <= 2), "{lanes:?}");
        for key in taken {
            let (namespace, name) = key.split_once('/').unwrap();
            queue.finish(&ObjectKey::new(namespace, name), now);
        }
    }
}

/// The documented bound: edits arrive faster than they are served, and the resyncs run all the same.
#[test]
fn ageing_bounds_how_long_the_lowest_waits() {
    let mut queue = Queue::new(Limits {
        running: 1,
        ..LIMITS
    });
    for number in 0..10 {
        queue.add(
            request(&format!("low/{number}"), Class::Resync, at(0)),
            at(0),
        );
    }
    let mut lowest = BTreeMap::new();
    for now in 0..100 {
        for number in 0..2 {
            queue.add(
                request(&format!("high/{now}-{number}"), Class::Edit, at(now)),
                at(now),
            );
        }
        let taken = queue.take(at(now)).unwrap();
        queue.finish(&taken.key, at(now));
        if taken.class == Class::Resync {
            lowest.insert(now, taken.key.name.to_string());
        }
    }
    let expected = (0..10)
        .map(|number| (61 + 2 * number, number.to_string()))
        .collect();
    assert_eq!(
        lowest, expected,
        "from the 61st second on every other time, the oldest first"
    );
}

/// A resync that takes longer than keys take to age.
#[test]
fn an_edit_does_not_wait_for_all_that_has_aged() {
    let mut queue = Queue::new(Limits {
        running: 1,
        ..LIMITS
    });
    for number in 0..1_000 {
        let key = format!("n/{number}");
        queue.add(request(&key, Class::Resync, at(0)), at(0));
    }
    for second in 0..10 {
        let now = at(100 + second);
        let edited = format!("n/edited-{second}");
        queue.add(request(&edited, Class::Edit, now), now);
        let served = [(); 2].map(|()| {
            let taken = queue.take(now).unwrap();
            queue.finish(&taken.key, now);
            taken.class
        });
        assert!(served.contains(&Class::Edit), "{served:?}");
        assert!(served.contains(&Class::Resync), "{served:?}");
    }
}

#[test]
fn threads_that_overtake_one_another_do_not_turn_time_back() {
    let mut queue = Queue::new(LIMITS);
    queue.add(request("n/1", Class::Edit, at(10)), at(0));
    assert!(queue.take(at(10)).is_some());
    queue.add(request("n/2", Class::Edit, at(5)), at(4));
    assert_eq!(
        queue.take(at(4)).map(|taken| taken.waited),
        Some(Duration::ZERO)
    );
}

#[test]
fn limits_of_zero_count_as_one() {
    let mut queue = queue(
        Limits {
            running: 0,
            running_per_lane: 0,
            ..LIMITS
        },
        &[("n/1", Class::Edit)],
    );
    assert!(queue.take(at(0)).is_some());
}

#[test]
fn the_snapshot_tells_depth_and_ages() {
    let mut queue = queue(
        LIMITS,
        &[
            ("n/1", Class::Edit),
            ("n/2", Class::Resync),
            ("n/3", Class::Resync),
        ],
    );
    queue.take(at(1));
    queue.add(request("n/1", Class::Edit, at(2)), at(2));
    queue.add(request("n/4", Class::Retry, at(6)), at(2));
    let at_five = serde_json::json!({
        "places": 100,
        "ready": { "edit": 0, "reference": 0, "retry": 0, "resync": 2 },
        "delayed": 1,
        "running": { "lane": 1 },
        "again": 1,
        "oldestWaiting": { "key": "n/2", "seconds": 5.0 },
        "longestRunning": { "key": "n/1", "seconds": 4.0 },
        "unfinishedSeconds": 4.0,
    });
    assert_eq!(
        serde_json::to_value(queue.snapshot(at(5))).unwrap(),
        at_five
    );
    let later = queue.snapshot(at(6));
    assert_eq!(
        (later.ready[&Class::Retry], later.delayed),
        (1, 0),
        "what is due counts as ready"
    );
}

/// No service by turn skips a namespace that could be served and goes to another one twice.
#[derive(Default)]
struct Fairness {
    served_since: BTreeMap<(Class, Arc<str>), BTreeSet<Arc<str>>>,
}

impl Fairness {
    fn observe(&mut self, before: &Model, taken: Option<&Taken>) {
        let able = || {
            before
                .eligible()
                .map(|waiting| (waiting.class, waiting.key.namespace.clone()))
        };
        let able = BTreeSet::from_iter(able());
        self.served_since.retain(|place, _| able.contains(place));
        for place in able {
            self.served_since.entry(place).or_default();
        }
        let Some(taken) = taken else { return };
        self.served_since
            .remove(&(taken.class, taken.key.namespace.clone()));
        let by_turn = taken.waited <= before.limits.ageing;
        for ((class, namespace), served) in &mut self.served_since {
            if *class == taken.class {
                let first = served.insert(taken.key.namespace.clone());
                assert!(
                    first || !by_turn,
                    "{taken:?} before {namespace}, which could have been served"
                );
            }
        }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let key = || {
        (select(vec!["a", "b", "c", "d"]), 0..6u8)
            .prop_map(|(a, b)| ObjectKey::new(a, b.to_string()))
    };
    let lane = select(vec!["x", "y", "z"]).prop_map(Arc::from);
    let seconds = |range| prop::strategy::Strategy::prop_map(range, Duration::from_secs);
    let delay = prop_oneof![3 => Just(Duration::ZERO), 1 => seconds(0..100u64)];
    let class = select(Class::iter().collect::<Vec<_>>());
    let add = (key(), lane, class, delay).prop_map(|(key, lane, class, delay)| Event::Add {
        key,
        lane,
        class,
        delay,
    });
    let places = (1usize..8, 1usize..4).prop_map(|(running, running_per_lane)| Event::Places {
        running,
        running_per_lane,
    });
    let event = prop_oneof![
        8 => add,
        6 => Just(Event::Take),
        5 => key().prop_map(Event::Finish),
        1 => key().prop_map(Event::Forget),
        2 => seconds(0..20u64).prop_map(Event::Pass),
        1 => places,
    ];
    prop::collection::vec(event, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_history(
        events in events(),
        running in 1usize..8,
        running_per_lane in 1usize..4,
        ageing in 0u64..60,
    ) {
        let limits = Limits { running, running_per_lane, ageing: Duration::from_secs(ageing) };
        let (mut queue, mut model) = (Queue::new(limits), Model::new(limits));
        let mut fairness = Fairness::default();
        for event in &events {
            let before = model.clone();
            let taken = step(&mut queue, &mut model, event);
            fairness.observe(&before, taken.as_ref());
        }
        everything_asked_for_is_taken(queue, &model);
    }
}

/// Where a step costs as much as there are lanes, this takes many minutes instead of a moment.
#[test]
fn a_lane_for_each_key_costs_no_more_than_one_for_all() {
    let mut queue = Queue::new(Limits {
        running: 16,
        running_per_lane: 12,
        ageing: Duration::from_secs(60),
    });
    for number in 0..20_000 {
        let name = number.to_string();
        let request = Request {
            key: ObjectKey::new("ns", name.as_str()),
            lane: name.into(),
            class: Class::Resync,
            due: Moment::ORIGIN,
        };
        queue.add(request, Moment::ORIGIN);
    }
    let mut served = 0;
    while let Some(taken) = queue.take(Moment::ORIGIN) {
        queue.finish(&taken.key, Moment::ORIGIN);
        served += 1;
    }
    assert_eq!(served, 20_000);
}
