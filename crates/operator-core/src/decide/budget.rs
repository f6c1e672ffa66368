//! How often something may be done: so much at once, then so often, whoever came first going first.
//!
//! A bucket of tokens, kept as the moment at which it will be full again (the generic cell rate algorithm):
//! nothing has to be counted up as time goes by.

use std::{collections::VecDeque, num::NonZeroU32, time::Duration};

use super::clock::Moment;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time in which one more is allowed.
    pub interval: Duration,
    /// How many at once after a quiet time.
    pub burst: NonZeroU32,
}

impl Limits {
    /// So many in a second, and `burst` at once after a quiet time.
    pub fn per_second(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        const SECOND: u32 = 1_000_000_000;
        // Rounded up: never more than was allowed.
        let nanos = SECOND.div_ceil(rate.get());
        Self {
            interval: Duration::from_nanos(nanos.into()),
            burst,
        }
    }
}

/// A place in the line of those who wait for their turn.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// When a turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It has come and is spent now.
    Now,
    /// Not before this moment, which moves only when somebody ahead gives a place back or is late.
    At(Moment),
}

/// A budget and the line before it.
#[derive(Debug)]
pub struct Budget {
    interval: Duration,
    /// How long before the budget is whole its last part may be spent.
    slack: Duration,
    whole_at: Moment,
    line: VecDeque<Place>,
    places: u64,
}

impl Budget {
    /// A budget that is whole.
    pub fn new(limits: Limits) -> Self {
        let Limits { interval, burst } = limits;
        Self {
            interval,
            slack: interval.saturating_mul(burst.get() - 1),
            whole_at: Moment::ORIGIN,
            line: VecDeque::new(),
            places: 0,
        }
    }

    /// From now on `limits` hold, or none. What was spent before holds nobody up for longer than one interval.
    pub fn adjust(&mut self, limits: Option<Limits>, now: Moment) {
        let (interval, burst) = match limits {
            Some(Limits { interval, burst }) => (interval, burst.get()),
            None => (Duration::ZERO, 1),
        };
        self.interval = interval;
        self.slack = interval.saturating_mul(burst - 1);
        self.whole_at = self.whole_at.min(now + self.slack + interval);
    }

    /// The last place in the line.
    pub fn reserve(&mut self) -> Place {
        let place = self.places;
        self.places += 1;
        self.line.push_back(Place(place));
        Place(place)
    }

    /// Spends the turn of `place` if it has come. Who asks late does not hold up those behind for longer than
    /// there is enough for all: what is spent before is never what somebody ahead could have had.
    pub fn take(&mut self, place: &Place, now: Moment) -> Turn {
        let Ok(ahead) = self.line.binary_search(place) else {
            // Spent, or given back.
            return Turn::At(Moment::NEVER);
        };
        let whole_at = self.whole_at.max(now);
        let before = self
            .interval
            .saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
        let due = whole_at + before - self.slack;
        if due > now {
            return Turn::At(due);
        }
        self.line.remove(ahead);
        self.whole_at = whole_at + self.interval;
        Turn::Now
    }

    /// Leaves the line, and says whether `place` was still in it: then those behind are due earlier. What was
    /// spent stays so.
    pub fn give_back(&mut self, place: &Place) -> bool {
        let found = self.line.binary_search(place);
        found.is_ok_and(|at| self.line.remove(at).is_some())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_change_while_others_wait() {
        let limits = |seconds, burst| Limits {
            interval: Duration::from_secs(seconds),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let at = |seconds| Moment::at(Duration::from_secs(seconds));
        let mut budget = Budget::new(limits(3600, 1));
        let [first, second, third, fourth] = [(); 4].map(|()| budget.reserve());
        assert_eq!(budget.take(&first, at(0)), Turn::Now);
        assert_eq!(budget.take(&second, at(0)), Turn::At(at(3600)));
        budget.adjust(Some(limits(10, 2)), at(0));
        assert_eq!(budget.take(&second, at(0)), Turn::At(at(10)));
        assert_eq!(budget.take(&second, at(10)), Turn::Now);
        assert_eq!(budget.take(&third, at(10)), Turn::At(at(20)));
        budget.adjust(None, at(10));
        assert_eq!(budget.take(&fourth, at(10)), Turn::Now);
        assert_eq!(budget.take(&third, at(10)), Turn::Now);
    }

    fn budget(rate: u32, burst: u32) -> Budget {
        let [rate, burst] = [rate, burst].map(|count| NonZeroU32::new(count).unwrap());
        Budget::new(Limits::per_second(rate, burst))
    }

    fn at(millis: u64) -> Moment {
        Moment::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut budget = budget(4, 2);
        let places: Vec<_> = (0..5).map(|_| budget.reserve()).collect();
        let turns = places.iter().map(|place| budget.take(place, at(1000)));
        let expected = [
            Turn::Now,
            Turn::Now,
            Turn::At(at(1250)),
            Turn::At(at(1500)),
            Turn::At(at(1750)),
        ];
        assert_eq!(turns.collect::<Vec<_>>(), expected);
        assert_eq!(budget.take(&places[2], at(1250)), Turn::Now);
        // After a quiet time it is whole again, and no more than that.
        let late: Vec<_> = (0..3).map(|_| budget.reserve()).collect();
        for place in &places[3..] {
            assert_eq!(budget.take(place, at(60_000)), Turn::Now);
        }
        assert_eq!(budget.take(&late[0], at(60_000)), Turn::At(at(60_250)));
    }

    #[test]
    fn a_place_given_back_moves_those_behind_ahead_and_no_others() {
        let mut budget = budget(1, 1);
        let places: Vec<_> = (0..4).map(|_| budget.reserve()).collect();
        assert_eq!(budget.take(&places[0], at(0)), Turn::Now);
        assert!(budget.give_back(&places[2]));
        assert_eq!(budget.take(&places[1], at(0)), Turn::At(at(1000)));
        assert_eq!(budget.take(&places[3], at(0)), Turn::At(at(2000)));
        assert!(!budget.give_back(&places[2]), "only once");
        assert!(!budget.give_back(&places[0]), "it was spent");
        assert_eq!(budget.take(&places[2], at(9000)), Turn::At(Moment::NEVER));
    }

    #[test]
    fn nobody_overtakes_who_asks_late() {
        let mut budget = budget(1, 1);
        let (first, second) = (budget.reserve(), budget.reserve());
        assert_eq!(budget.take(&second, at(5000)), Turn::At(at(6000)));
        assert_eq!(budget.take(&first, at(5500)), Turn::Now);
        assert_eq!(budget.take(&second, at(6000)), Turn::At(at(6500)));
    }

    /// Those who wait, each asking whenever it may be due.
    struct Crowd {
        budget: Budget,
        now: Moment,
        /// In their order, each with the moment that it was told.
        waiting: Vec<(Place, Moment)>,
        granted: Vec<(Place, Moment)>,
    }

    impl Crowd {
        /// Everybody asks, the last one first: what comes of it must not hang on that.
        fn ask(&mut self) {
            let mut waiting = Vec::new();
            for (place, promised) in self.waiting.drain(..).rev() {
                match self.budget.take(&place, self.now) {
                    Turn::Now => self.granted.push((place, self.now)),
                    Turn::At(due) => {
                        assert!(due > self.now && due <= promised, "{place:?}: {due:?}");
                        waiting.push((place, due));
                    }
                }
            }
            waiting.reverse();
            self.waiting = waiting;
        }

        fn pass(&mut self, pause: Duration) {
            let end = self.now + pause;
            loop {
                self.ask();
                let due = self.waiting.iter().map(|(_, due)| *due).min();
                match due.filter(|due| *due <= end) {
                    Some(due) => self.now = due,
                    None => break,
                }
            }
            self.now = end;
            self.ask();
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Come,
        Leave(prop::sample::Index),
        Pass(Duration),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Come),
            1 => any::<prop::sample::Index>().prop_map(Step::Leave),
            2 => (0..3000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        /// Never more than allowed in any stretch of time, nobody is overtaken or told a moment that is put
        /// off, and nobody waits while there is something left.
        #[test]
        fn what_is_allowed_is_used_in_order_and_never_exceeded(
            rate in 1..20_u32, burst in 1..10_u32, steps in steps(),
        ) {
            let budget = budget(rate, burst);
            let interval = budget.interval;
            let mut crowd = Crowd { budget, now: at(0), waiting: vec![], granted: vec![] };
            for step in steps {
                match step {
                    Step::Come => {
                        let place = crowd.budget.reserve();
                        crowd.waiting.push((place, Moment::NEVER));
                    }
                    Step::Leave(which) if !crowd.waiting.is_empty() => {
                        let which = which.index(crowd.waiting.len());
                        let (place, _) = crowd.waiting.remove(which);
                        prop_assert!(crowd.budget.give_back(&place));
                    }
                    Step::Leave(_) => {}
                    Step::Pass(pause) => crowd.pass(pause),
                }
                crowd.ask();
                if let Some((_, due)) = crowd.waiting.first() {
                    let last = crowd.granted.iter().map(|(_, granted)| *granted).max();
                    prop_assert!(last.is_some_and(|last| *due <= last + interval), "{due:?} after {last:?}");
                }
            }
            crowd.granted.sort();
            let moments: Vec<Moment> = crowd.granted.iter().map(|(_, granted)| *granted).collect();
            prop_assert!(moments.is_sorted(), "{:?}", crowd.granted);
            for (first, start) in moments.iter().enumerate() {
                for (more, end) in moments[first..].iter().skip(burst as usize).enumerate() {
                    let needed = interval * u32::try_from(more + 1).unwrap();
                    prop_assert!(end.since(*start) >= needed, "{start:?} to {end:?}");
                }
            }
        }
    }
}
