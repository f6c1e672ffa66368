//! When an object at which all was well is looked at again, and at how much of it. No I/O.
//!
//! A whole look comes at the start, after each word of the user and each change of what is wanted, and as long as
//! something is amiss. After that an interval passes between looks, and each is at one facet, in turn.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::decide::{clock::Moment, key::ObjectKey, outcome::Outcome};

/// How much of an object is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All of it.
    Whole,
    /// One facet: the one of this number, counted on and on. What was said last still holds if it is as wanted.
    Part(usize, Outcome),
    /// None: what was said last still holds.
    None(Outcome),
}

/// The last looks at objects at which all was as the user wants it.
#[derive(Debug)]
pub(super) struct Rounds {
    interval: Duration,
    last: HashMap<ObjectKey, Last>,
    /// What was said last of any object: nearly always the same of all.
    usual: Option<Arc<Outcome>>,
}

#[derive(Debug)]
struct Last {
    /// What the look was about: who the object was, and all that was wanted.
    about: u64,
    at: Moment,
    /// The number of the facet whose turn is next.
    next: usize,
    said: Arc<Outcome>,
}

impl Rounds {
    /// `interval` passes between two looks at an object.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: HashMap::new(),
            usual: None,
        }
    }

    /// From now on this much passes between two looks.
    pub fn adjust(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// What to look at now.
    pub fn due(&self, key: &ObjectKey, about: u64, now: Moment) -> Look {
        let Some(last) = self.last.get(key).filter(|last| last.about == about) else {
            return Look::Whole;
        };
        let said = Outcome::clone(&last.said);
        match (now.since(last.at) < self.interval, &said) {
            (true, _) => Look::None(said),
            (false, Outcome::Done { .. }) => Look::Part(last.next, said),
            // What differs would be found in every part.
            (false, _) => Look::Whole,
        }
    }

    /// Notes what a pass said. Only what lasts spares a look; `facet` is the one that it looked at, of all if none.
    pub fn ended(
        &mut self,
        key: &ObjectKey,
        about: u64,
        now: Moment,
        facet: Option<usize>,
        said: &Outcome,
    ) {
        match said {
            Outcome::Done { .. } | Outcome::Held { .. } => {
                let last = Last {
                    about,
                    at: now,
                    next: facet.map_or(0, |facet| facet.wrapping_add(1)),
                    said: self.shared(said),
                };
                self.last.insert(key.clone(), last);
            }
            _ => self.forget(key),
        }
    }

    /// The same, kept once where many say it.
    fn shared(&mut self, said: &Outcome) -> Arc<Outcome> {
        let usual = self.usual.take().filter(|usual| **usual == *said);
        let usual = usual.unwrap_or_else(|| Arc::new(said.clone()));
        self.usual = Some(usual.clone());
        usual
    }

    /// The time until the next look, if all is well until then.
    pub fn left(&self, key: &ObjectKey, now: Moment) -> Duration {
        let gone_by = self.last.get(key).map(|last| now.since(last.at));
        self.interval.saturating_sub(gone_by.unwrap_or_default())
    }

    /// The object is gone, or something is amiss with it.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.last.remove(key);
    }

    /// Others may have been at work since.
    pub fn forget_all(&mut self) {
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::reason::Reason;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: f64) -> Moment {
        Moment::at(HOUR.mul_f64(hours))
    }

    fn done() -> Outcome {
        Outcome::Done {
            reason: Reason::sample("Ready"),
            message: String::new(),
        }
    }

    fn held() -> Outcome {
        Outcome::Held {
            reason: Reason::sample("Planned"),
            message: String::new(),
        }
    }

    fn key() -> ObjectKey {
        ObjectKey::new("ns", "a")
    }

    #[test]
    fn the_first_look_is_whole_and_so_is_one_about_something_else() {
        let mut rounds = Rounds::new(HOUR);
        assert_eq!(rounds.due(&key(), 1, at(0.0)), Look::Whole);
        rounds.ended(&key(), 1, at(0.0), None, &done());
        assert_eq!(rounds.due(&key(), 2, at(0.1)), Look::Whole);
        assert_eq!(
            rounds.due(&ObjectKey::new("ns", "b"), 1, at(0.1)),
            Look::Whole
        );
    }

    #[test]
    fn each_interval_has_one_look_at_the_next_part_however_often_it_is_asked() {
        let mut rounds = Rounds::new(HOUR);
        rounds.ended(&key(), 1, at(0.0), None, &done());
        let mut parts = Vec::new();
        for quarter in 1..=24 {
            let now = at(f64::from(quarter) / 4.0);
            if let Look::Part(part, said) = rounds.due(&key(), 1, now) {
                rounds.ended(&key(), 1, now, Some(part), &said);
                parts.push(part);
            }
        }
        assert_eq!(parts, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_is_amiss_is_looked_at_as_a_whole_each_time() {
        let mut rounds = Rounds::new(HOUR);
        rounds.ended(&key(), 1, at(0.0), None, &done());
        let superseded = Outcome::Superseded;
        rounds.ended(&key(), 1, at(0.1), None, &superseded);
        assert_eq!(rounds.due(&key(), 1, at(0.2)), Look::Whole);
        rounds.ended(&key(), 1, at(0.2), None, &done());
        rounds.forget(&key());
        assert_eq!(rounds.due(&key(), 1, at(0.3)), Look::Whole);
    }

    #[test]
    fn what_is_left_of_an_interval_ends_with_a_look() {
        let mut rounds = Rounds::new(HOUR);
        assert_eq!(rounds.left(&key(), at(7.0)), HOUR, "not looked at yet");
        rounds.ended(&key(), 1, at(0.0), None, &done());
        assert_eq!(rounds.left(&key(), at(0.75)), HOUR / 4);
        assert_eq!(rounds.left(&key(), at(1.5)), Duration::ZERO);
        rounds.ended(&key(), 1, at(1.5), Some(0), &done());
        assert_eq!(rounds.left(&key(), at(1.5)), HOUR);
    }

    #[test]
    fn another_interval_holds_for_looks_made_before() {
        let mut rounds = Rounds::new(HOUR);
        rounds.ended(&key(), 1, at(0.0), None, &done());
        rounds.adjust(HOUR / 4);
        assert_eq!(rounds.left(&key(), at(0.125)), HOUR / 8);
        assert_eq!(rounds.due(&key(), 1, at(0.5)), Look::Part(0, done()));
        rounds.adjust(HOUR);
        assert_eq!(rounds.due(&key(), 1, at(0.5)), Look::None(done()));
    }

    #[test]
    fn after_everything_was_forgotten_everything_is_looked_at() {
        let mut rounds = Rounds::new(HOUR);
        rounds.ended(&key(), 1, at(0.0), None, &done());
        rounds.forget_all();
        assert_eq!(rounds.due(&key(), 1, at(0.1)), Look::Whole);
    }

    #[test]
    fn what_is_said_of_many_is_kept_once() {
        let mut rounds = Rounds::new(HOUR);
        let keys = ["a", "b", "c"].map(|name| ObjectKey::new("ns", name));
        for (key, said) in keys.iter().zip([done(), done(), held()]) {
            rounds.ended(key, 1, at(0.0), None, &said);
        }
        let [a, b, c] = keys.each_ref().map(|key| rounds.last[key].said.clone());
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(*c, held());
    }

    #[test]
    fn what_is_held_is_looked_at_as_a_whole_once_an_interval() {
        let mut rounds = Rounds::new(HOUR);
        rounds.ended(&key(), 1, at(0.0), None, &held());
        assert_eq!(rounds.due(&key(), 1, at(0.9)), Look::None(held()));
        assert_eq!(rounds.due(&key(), 1, at(1.0)), Look::Whole);
    }
}
