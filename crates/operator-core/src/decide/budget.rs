//! How often something may be done: so much at once, then so often, by turns among those who share it.
//!
//! A bucket of tokens, kept as the moment at which it will be full again (the generic cell rate algorithm):
//! nothing has to be counted up as time goes by. The line before it is ordered by rounds, and each share has one
//! place in a round: who has much to do delays others by one turn each, and a single share is served in the order
//! in which it came.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    round: u64,
    number: u64,
}

/// When a turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It has come and is spent now.
    Now,
    /// Not before this moment. It comes earlier when somebody ahead gives a place back, and later when another
    /// share gets a place ahead, which is once a round, or somebody ahead is late.
    At(Moment),
}

/// A budget and the line before it.
#[derive(Debug)]
pub struct Budget {
    interval: Duration,
    /// How long before the budget is whole its last part may be spent.
    slack: Duration,
    whole_at: Moment,
    /// In the order of their places.
    line: VecDeque<(Place, Arc<str>)>,
    places: u64,
    /// Of the turn that was spent last.
    round: u64,
    /// The last round in which a share has a place, or had one: of those alone that reach the present round.
    latest: HashMap<Arc<str>, u64>,
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
            round: 0,
            latest: HashMap::new(),
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

    /// The last place in the line of `share`, in its next round.
    pub fn reserve(&mut self, share: &Arc<str>) -> Place {
        let latest = self.latest.get(share);
        let place = Place {
            round: latest.map_or(self.round, |latest| latest + 1),
            number: self.places,
        };
        self.places += 1;
        self.latest.insert(share.clone(), place.round);
        let at = self.line.partition_point(|(ahead, _)| *ahead < place);
        self.line.insert(at, (place, share.clone()));
        place
    }

    /// Spends the turn of `place` if it has come. Who asks late does not hold up those behind for longer than
    /// there is enough for all: what is spent before is never what somebody ahead could have had.
    pub fn take(&mut self, place: Place, now: Moment) -> Turn {
        let Some(ahead) = self.find(place) else {
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
        if place.round > self.round {
            self.round = place.round;
            self.latest.retain(|_, latest| *latest >= place.round);
        }
        Turn::Now
    }

    /// Leaves the line, and says whether `place` was still in it: then those behind are due earlier. What was
    /// spent stays so.
    pub fn give_back(&mut self, place: Place) -> bool {
        let Some((_, share)) = self.find(place).and_then(|at| self.line.remove(at)) else {
            return false;
        };
        // Who comes and goes must not end up ever farther behind.
        let mut left = self.line.iter().rev();
        let last = left.find_map(|(place, of)| (*of == share).then_some(place.round));
        self.latest.insert(share, last.unwrap_or(self.round));
        true
    }

    fn find(&self, place: Place) -> Option<usize> {
        self.line
            .binary_search_by_key(&place, |(place, _)| *place)
            .ok()
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
        let [first, second, third, fourth] = [(); 4].map(|()| budget.reserve(&share("a")));
        assert_eq!(budget.take(first, at(0)), Turn::Now);
        assert_eq!(budget.take(second, at(0)), Turn::At(at(3600)));
        budget.adjust(Some(limits(10, 2)), at(0));
        assert_eq!(budget.take(second, at(0)), Turn::At(at(10)));
        assert_eq!(budget.take(second, at(10)), Turn::Now);
        assert_eq!(budget.take(third, at(10)), Turn::At(at(20)));
        budget.adjust(None, at(10));
        assert_eq!(budget.take(fourth, at(10)), Turn::Now);
        assert_eq!(budget.take(third, at(10)), Turn::Now);
    }

    fn budget(rate: u32, burst: u32) -> Budget {
        let [rate, burst] = [rate, burst].map(|count| NonZeroU32::new(count).unwrap());
        Budget::new(Limits::per_second(rate, burst))
    }

    fn share(name: &str) -> Arc<str> {
        name.into()
    }

    fn at(millis: u64) -> Moment {
        Moment::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut budget = budget(4, 2);
        let places: Vec<_> = (0..5).map(|_| budget.reserve(&share("a"))).collect();
        let turns = places.iter().map(|place| budget.take(*place, at(1000)));
        let expected = [
            Turn::Now,
            Turn::Now,
            Turn::At(at(1250)),
            Turn::At(at(1500)),
            Turn::At(at(1750)),
        ];
        assert_eq!(turns.collect::<Vec<_>>(), expected);
        assert_eq!(budget.take(places[2], at(1250)), Turn::Now);
        // After a quiet time it is whole again, and no more than that.
        let late: Vec<_> = (0..3).map(|_| budget.reserve(&share("a"))).collect();
        for place in &places[3..] {
            assert_eq!(budget.take(*place, at(60_000)), Turn::Now);
        }
        assert_eq!(budget.take(late[0], at(60_000)), Turn::At(at(60_250)));
    }

    #[test]
    fn a_place_given_back_moves_those_behind_ahead_and_no_others() {
        let mut budget = budget(1, 1);
        let places: Vec<_> = (0..4).map(|_| budget.reserve(&share("a"))).collect();
        assert_eq!(budget.take(places[0], at(0)), Turn::Now);
        assert!(budget.give_back(places[2]));
        assert_eq!(budget.take(places[1], at(0)), Turn::At(at(1000)));
        assert_eq!(budget.take(places[3], at(0)), Turn::At(at(2000)));
        assert!(!budget.give_back(places[2]), "only once");
        assert!(!budget.give_back(places[0]), "it was spent");
        assert_eq!(budget.take(places[2], at(9000)), Turn::At(Moment::NEVER));
    }

    #[test]
    fn nobody_overtakes_who_asks_late() {
        let mut budget = budget(1, 1);
        let (first, second) = (budget.reserve(&share("a")), budget.reserve(&share("a")));
        assert_eq!(budget.take(second, at(5000)), Turn::At(at(6000)));
        assert_eq!(budget.take(first, at(5500)), Turn::Now);
        assert_eq!(budget.take(second, at(6000)), Turn::At(at(6500)));
    }

    #[test]
    fn who_has_much_to_do_delays_others_by_a_turn() {
        let mut budget = budget(1, 1);
        let [many, few, late] = ["many", "few", "late"].map(share);
        let mut line: Vec<_> = (0..4).map(|_| (budget.reserve(&many), "many")).collect();
        line.extend((0..2).map(|_| (budget.reserve(&few), "few")));
        let mut served = Vec::new();
        for second in 0..7 {
            let now = at(second * 1000);
            if second == 2 {
                line.push((budget.reserve(&late), "late"));
            }
            let turn = |(place, _): &(Place, &str)| budget.take(*place, now) == Turn::Now;
            let next = line.iter().position(turn).expect("one in each second");
            served.push(line.remove(next).1);
        }
        let expected = ["many", "few", "late", "many", "few", "many", "many"];
        assert_eq!(served, expected);
    }

    #[test]
    fn who_comes_and_goes_is_not_put_behind_for_ever() {
        let mut budget = budget(1, 1);
        let [many, fickle] = ["many", "fickle"].map(share);
        let line: Vec<_> = (0..4).map(|_| budget.reserve(&many)).collect();
        for _ in 0..100 {
            let place = budget.reserve(&fickle);
            assert!(budget.give_back(place));
        }
        let place = budget.reserve(&fickle);
        assert_eq!(budget.take(line[0], at(0)), Turn::Now);
        assert_eq!(budget.take(line[1], at(0)), Turn::At(at(1000)));
        assert_eq!(budget.take(place, at(0)), Turn::At(at(2000)));
    }

    const SHARES: [&str; 3] = ["a", "b", "c"];

    struct Waiting {
        place: Place,
        share: usize,
        /// The moment that it was told.
        promised: Moment,
        /// The round when it came, and how many turns each share had had by then.
        came: (u64, [u64; 3]),
    }

    /// Those who wait, each asking whenever it may be due.
    struct Crowd {
        budget: Budget,
        now: Moment,
        /// In the order of their places.
        waiting: Vec<Waiting>,
        granted: Vec<(Place, Moment)>,
        turns: [u64; 3],
        /// Nobody has left, whose place others could have had.
        whole: bool,
        /// There is one share.
        alone: bool,
    }

    impl Crowd {
        fn come(&mut self, share: usize) {
            self.waiting.push(Waiting {
                place: self.budget.reserve(&SHARES[share].into()),
                share,
                promised: Moment::NEVER,
                came: (self.budget.round, self.turns),
            });
            self.waiting.sort_by_key(|it| it.place);
        }

        /// Everybody asks, the last one first: what comes of it must not hang on that.
        fn ask(&mut self) {
            let (mut waiting, mut granted) = (Vec::new(), Vec::new());
            for mut it in self.waiting.drain(..).rev() {
                match self.budget.take(it.place, self.now) {
                    Turn::Now => granted.push(it),
                    Turn::At(due) => {
                        assert!(due > self.now, "{:?}: {due:?}", it.place);
                        assert!(!self.alone || due <= it.promised, "{:?}: {due:?}", it.place);
                        it.promised = due;
                        waiting.push(it);
                    }
                }
            }
            waiting.reverse();
            self.waiting = waiting;
            for it in granted.into_iter().rev() {
                let (round, turns) = it.came;
                let rounds = it.place.round - round + 1;
                let since = self.turns.iter().zip(turns).map(|(now, then)| now - then);
                assert!(!self.whole || since.max() <= Some(rounds), "{:?}", it.place);
                self.turns[it.share] += 1;
                self.granted.push((it.place, self.now));
            }
        }

        fn pass(&mut self, pause: Duration) {
            let end = self.now + pause;
            loop {
                self.ask();
                let due = self.waiting.iter().map(|it| it.promised).min();
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
        Come(usize),
        Leave(prop::sample::Index),
        Pass(Duration),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..3_usize).prop_map(Step::Come),
            1 => any::<prop::sample::Index>().prop_map(Step::Leave),
            2 => (0..3000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        /// Never more than allowed in any stretch of time, nobody waits while there is something left, each share
        /// has a turn in each round; and a share that is alone is told no moment that is put off, and overtaken
        /// by nobody.
        #[test]
        fn what_is_allowed_is_used_in_order_and_never_exceeded(
            rate in 1..20_u32, burst in 1..10_u32, shares in 1..=3_usize, steps in steps(),
        ) {
            let budget = budget(rate, burst);
            let interval = budget.interval;
            let mut crowd = Crowd {
                budget,
                now: at(0),
                waiting: vec![],
                granted: vec![],
                turns: [0; 3],
                whole: true,
                alone: shares == 1,
            };
            for step in steps {
                match step {
                    Step::Come(share) => crowd.come(share % shares),
                    Step::Leave(which) if !crowd.waiting.is_empty() => {
                        let which = which.index(crowd.waiting.len());
                        let it = crowd.waiting.remove(which);
                        crowd.whole = false;
                        prop_assert!(crowd.budget.give_back(it.place));
                    }
                    Step::Leave(_) => {}
                    Step::Pass(pause) => crowd.pass(pause),
                }
                crowd.ask();
                if let Some(first) = crowd.waiting.first() {
                    let last = crowd.granted.iter().map(|(_, granted)| *granted).max();
                    let due = first.promised;
                    prop_assert!(last.is_some_and(|last| due <= last + interval), "{due:?} after {last:?}");
                }
                prop_assert!(crowd.budget.latest.len() <= shares);
            }
            if crowd.alone {
                crowd.granted.sort();
            }
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
