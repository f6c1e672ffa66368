//! The queue as its documentation tells it, by looking through lists: plain enough to be believed, and what
//! the real one is compared with after every event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Age, Class, Limits, Moment, ObjectKey, Queue, Request, Taken};

/// Something that happens to a queue.
#[derive(Clone, Debug)]
pub enum Event {
    Add {
        key: ObjectKey,
        lane: Arc<str>,
        class: Class,
        delay: Duration,
    },
    Take,
    Finish(ObjectKey),
    Forget(ObjectKey),
    Pass(Duration),
    /// Of all runs and of those in one lane, so many may go on at once.
    Places {
        running: usize,
        running_per_lane: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    pub key: ObjectKey,
    pub class: Class,
    pub lane: Arc<str>,
    pub age: Age,
}

#[derive(Clone, Debug)]
struct Run {
    key: ObjectKey,
    lane: Arc<str>,
    again: Option<Waiting>,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub limits: Limits,
    pub now: Moment,
    asked: u64,
    waiting: Vec<Waiting>,
    running: Vec<Run>,
    /// The namespaces that have due keys, in the order of their turns.
    rounds: BTreeMap<Class, Vec<Arc<str>>>,
    /// The last key was taken for its age.
    by_age: bool,
}

impl Model {
    pub fn new(limits: Limits) -> Self {
        let (waiting, running) = (Vec::new(), Vec::new());
        Self {
            limits,
            now: Moment::ORIGIN,
            asked: 0,
            waiting,
            running,
            rounds: BTreeMap::new(),
            by_age: false,
        }
    }

    /// Lets the event happen to both and checks that they agree about everything.
    pub fn follow(&mut self, queue: &mut Queue, event: &Event) -> Option<Taken> {
        let mut taken = None;
        match event.clone() {
            Event::Add {
                key,
                lane,
                class,
                delay,
            } => {
                let due = self.now + delay;
                queue.add(
                    Request {
                        key: key.clone(),
                        lane: lane.clone(),
                        class,
                        due,
                    },
                    self.now,
                );
                self.add(Waiting {
                    key,
                    class,
                    lane,
                    age: (due, self.asked),
                });
            }
            Event::Take => {
                taken = queue.take(self.now);
                assert_eq!(taken, self.take());
            }
            Event::Finish(key) => {
                queue.finish(&key, self.now);
                if let Some(at) = self.running.iter().position(|run| run.key == key) {
                    self.waiting.extend(self.running.remove(at).again);
                }
            }
            Event::Forget(key) => {
                queue.forget(&key);
                self.waiting.retain(|waiting| waiting.key != key);
                if let Some(run) = self.running.iter_mut().find(|run| run.key == key) {
                    run.again = None;
                }
            }
            Event::Pass(time) => {
                self.now = self.now + time;
                queue.advance(self.now);
            }
            Event::Places {
                running,
                running_per_lane,
            } => {
                self.limits = Limits {
                    running,
                    running_per_lane,
                    ..self.limits
                };
                queue.adjust(self.limits);
            }
        }
        self.seat();
        self.compare(queue);
        taken
    }

    fn add(&mut self, wanted: Waiting) {
        self.asked += 1;
        if let Some(run) = self.running.iter_mut().find(|run| run.key == wanted.key) {
            run.again = Some(merged(run.again.take(), wanted));
        } else {
            let at = self
                .waiting
                .iter()
                .position(|waiting| waiting.key == wanted.key);
            let before = at.map(|at| self.waiting.remove(at));
            self.waiting.push(merged(before, wanted));
        }
    }

    fn take(&mut self) -> Option<Taken> {
        let next = self.next()?.clone();
        self.by_age = self.goes_by_age();
        let Waiting {
            key,
            class,
            lane,
            age,
        } = next.clone();
        self.waiting.retain(|waiting| *waiting != next);
        self.running.push(Run {
            key: key.clone(),
            lane,
            again: None,
        });
        let round = self.rounds.get_mut(&class)?;
        round.retain(|namespace| *namespace != key.namespace);
        if self
            .due()
            .any(|waiting| waiting.class == class && waiting.key.namespace == key.namespace)
        {
            self.rounds.get_mut(&class)?.push(key.namespace.clone());
        }
        Some(Taken {
            key,
            class,
            waited: self.now.since(age.0),
        })
    }

    fn next(&self) -> Option<&Waiting> {
        if self.running.len() >= self.limits.running {
            return None;
        }
        if self.goes_by_age() {
            let aged = self.eligible().filter(|waiting| self.aged(waiting));
            return aged.min_by_key(|waiting| self.rank(waiting));
        }
        self.eligible().min_by_key(|waiting| {
            let round = &self.rounds[&waiting.class];
            let turn = round
                .iter()
                .position(|namespace| *namespace == waiting.key.namespace);
            (waiting.class, turn, self.rank(waiting))
        })
    }

    /// Whether the next key is one that has aged: every other time, if there is one.
    pub fn goes_by_age(&self) -> bool {
        !self.by_age && self.eligible().any(|waiting| self.aged(waiting))
    }

    /// How many of its lane run, then its age.
    pub fn rank(&self, waiting: &Waiting) -> (usize, Age) {
        let alike = self.running.iter().filter(|run| run.lane == waiting.lane);
        (alike.count(), waiting.age)
    }

    fn due(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting
            .iter()
            .filter(|waiting| waiting.age.0 <= self.now)
    }

    /// The keys that are due and whose lane has room.
    pub fn eligible(&self) -> impl Iterator<Item = &Waiting> {
        self.due().filter(|waiting| {
            let (running, _) = self.rank(waiting);
            running < self.limits.running_per_lane
        })
    }

    pub fn aged(&self, waiting: &Waiting) -> bool {
        self.now.since(waiting.age.0) > self.limits.ageing
    }

    /// All keys that wait or will wait again.
    pub fn wanted(&self) -> BTreeMap<ObjectKey, Moment> {
        let again = self.running.iter().filter_map(|run| run.again.as_ref());
        self.waiting
            .iter()
            .chain(again)
            .map(|wanted| (wanted.key.clone(), wanted.age.0))
            .collect()
    }

    pub fn running(&self) -> Vec<ObjectKey> {
        self.running.iter().map(|run| run.key.clone()).collect()
    }

    /// Namespaces without due keys leave the round; new ones join it at the back.
    fn seat(&mut self) {
        let mut due = Vec::from_iter(self.due().cloned());
        due.sort_by_key(|waiting| waiting.age);
        for (class, round) in &mut self.rounds {
            round.retain(|namespace| {
                due.iter()
                    .any(|waiting| waiting.class == *class && waiting.key.namespace == *namespace)
            });
        }
        for waiting in due {
            let round = self.rounds.entry(waiting.class).or_default();
            if !round.contains(&waiting.key.namespace) {
                round.push(waiting.key.namespace);
            }
        }
        self.rounds.retain(|_, round| !round.is_empty());
    }

    fn compare(&self, queue: &Queue) {
        let waiting = queue
            .waiting
            .iter()
            .map(|(key, wanted)| wanted.waiting(key));
        assert_eq!(
            BTreeSet::from_iter(waiting),
            self.waiting.iter().cloned().collect()
        );

        let later = self
            .waiting
            .iter()
            .filter(|waiting| waiting.age.0 > self.now);
        let later = BTreeMap::from_iter(later.map(|waiting| (waiting.age, waiting.key.clone())));
        assert_eq!(queue.delayed, later);
        assert_eq!(
            queue.wake_at(),
            later.first_key_value().map(|((due, _), _)| *due)
        );

        let due = self
            .due()
            .map(|waiting| ((waiting.lane.clone(), waiting.age), waiting.key.clone()));
        assert_eq!(queue.ready.contents(), due.collect());
        assert_eq!(queue.ready.rounds(), self.rounds);

        let mut lanes = BTreeMap::new();
        for run in &self.running {
            let ours = &queue.running[&run.key];
            assert_eq!(ours.lane, run.lane);
            assert_eq!(
                ours.again.as_ref().map(|again| again.waiting(&run.key)),
                run.again
            );
            *lanes.entry(run.lane.clone()).or_default() += 1;
        }
        assert_eq!(
            (queue.running.len(), queue.ready.running()),
            (self.running.len(), lanes)
        );
    }

    /// What of this state can make a difference to the future: moments as times from now, no further than
    /// they matter, and the order of keys instead of their numbers.
    pub fn essence(&self) -> impl Ord + Clone + use<> {
        let again = || self.running.iter().filter_map(|run| run.again.as_ref());
        let ages = BTreeSet::from_iter(self.waiting.iter().chain(again()).map(|wanted| wanted.age));
        let orders = BTreeSet::from_iter(ages.iter().map(|age| age.1));
        let essence = |wanted: &Waiting| {
            let (due, order) = wanted.age;
            let past = self
                .now
                .since(due)
                .min(self.limits.ageing + Duration::from_nanos(1));
            let places = (
                ages.range(..wanted.age).count(),
                orders.range(..order).count(),
            );
            (
                wanted.key.clone(),
                wanted.class,
                wanted.lane.clone(),
                due.since(self.now),
                past,
                places,
            )
        };
        let mut waiting = Vec::from_iter(self.waiting.iter().map(essence));
        waiting.sort();
        let mut running = Vec::from_iter(self.running.iter().map(|run| {
            (
                run.key.clone(),
                run.lane.clone(),
                run.again.as_ref().map(essence),
            )
        }));
        running.sort();
        let places = (self.limits.running, self.limits.running_per_lane);
        (waiting, running, self.rounds.clone(), self.by_age, places)
    }
}

fn merged(before: Option<Waiting>, wanted: Waiting) -> Waiting {
    match before {
        None => wanted,
        Some(before) => Waiting {
            class: before.class.min(wanted.class),
            age: (before.age.0.min(wanted.age.0), before.age.1),
            ..wanted
        },
    }
}

impl super::Wanted {
    fn waiting(&self, key: &ObjectKey) -> Waiting {
        Waiting {
            key: key.clone(),
            class: self.class,
            lane: self.lane.clone(),
            age: self.age,
        }
    }
}
