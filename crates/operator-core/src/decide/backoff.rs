//! How long after a fault the next try is.

use std::{collections::HashMap, time::Duration};

use super::{
    clock::Moment,
    outcome::{Class, Fault},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// How long a failing object is tried about once a minute; what has not healed by then is tried less often.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Faults of one object in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// When the first one was met.
    pub since: Moment,
    /// How many there were.
    pub failures: u32,
    /// How many of them came when the streak had already lasted 15 minutes.
    pub late: u32,
}

impl Streak {
    /// A streak that begins with a fault at `now`.
    pub fn begin(now: Moment) -> Self {
        Self {
            since: now,
            failures: 1,
            late: 0,
        }
    }

    /// The streak with one more fault, at `now`.
    pub fn and_again(self, now: Moment) -> Self {
        Self {
            since: self.since,
            failures: self.failures.saturating_add(1),
            late: self
                .late
                .saturating_add(u32::from(now.since(self.since) >= PATIENCE)),
        }
    }

    /// The pause after the streak's last fault, before jitter.
    ///
    /// | class | pauses |
    /// |---|---|
    /// | `Transient` | 1 s, doubling to 60 s; after 15 minutes doubling on to 10 min |
    /// | `Throttled` | 5 s, doubling to 2 min |
    /// | `UnknownOutcome` | 1 s, doubling to 30 s |
    /// | `Blocked` | 15 s and 1 min, as a permission just given takes a moment to spread; then 5 min |
    /// | `Terminal` | `drift`, the drift interval |
    pub fn pause(self, class: Class, drift: Duration) -> Duration {
        let before = self.failures.saturating_sub(1);
        match class {
            Class::Transient if self.late > 0 => doubled(MINUTE, self.late, 10 * MINUTE),
            Class::Transient => doubled(SECOND, before, MINUTE),
            Class::Throttled => doubled(5 * SECOND, before, 2 * MINUTE),
            Class::UnknownOutcome => doubled(SECOND, before, 30 * SECOND),
            Class::Blocked => match before {
                0 => 15 * SECOND,
                1 => MINUTE,
                _ => 5 * MINUTE,
            },
            Class::Terminal => drift,
        }
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    // 2^16 times a second is past every limit.
    (first * (1 << times.min(16))).min(most)
}

/// Spreads `pause` by ±10 %, so that objects that failed together do not come back together; never earlier
/// than the other side allows by `after`. `jitter` is drawn from `[0, 1)`.
pub fn spread(pause: Duration, after: Option<Duration>, jitter: f64) -> Duration {
    let jitter = jitter.clamp(0.0, 1.0);
    let floor = after.unwrap_or_default().mul_f64(1.0 + 0.1 * jitter);
    pause.mul_f64(0.9 + 0.2 * jitter).max(floor)
}

/// The streaks of all objects that fail, by object UID. An object that is well takes no room.
#[derive(Clone, Debug)]
pub struct Streaks {
    drift: Duration,
    by_uid: HashMap<String, (Option<i64>, Streak)>,
}

impl Streaks {
    /// No object has failed yet. `drift` is the drift interval, after which even a spec that cannot work is
    /// tried again.
    pub fn new(drift: Duration) -> Self {
        Self {
            drift,
            by_uid: HashMap::new(),
        }
    }

    /// From now on this is the drift interval.
    pub fn drift(&mut self, drift: Duration) {
        self.drift = drift;
    }

    /// Counts a fault of the object's `generation` and says after which time to try again. A new generation
    /// begins a new streak.
    pub fn failed(
        &mut self,
        uid: &str,
        generation: Option<i64>,
        fault: &Fault,
        now: Moment,
        jitter: f64,
    ) -> Duration {
        let streak = match self.by_uid.get(uid) {
            Some((of, streak)) if *of == generation => streak.and_again(now),
            _ => Streak::begin(now),
        };
        self.by_uid.insert(uid.to_owned(), (generation, streak));
        spread(streak.pause(fault.class, self.drift), fault.after, jitter)
    }

    /// A pass met no fault: the streak ends.
    pub fn succeeded(&mut self, uid: &str) {
        self.by_uid.remove(uid);
    }

    /// The object is gone.
    pub fn forget(&mut self, uid: &str) {
        self.by_uid.remove(uid);
    }

    /// Others have been at work since: what failed before says nothing of what fails now.
    pub fn forget_all(&mut self) {
        self.by_uid.clear();
    }

    /// The object's streak, if its last pass met a fault.
    pub fn get(&self, uid: &str) -> Option<Streak> {
        self.by_uid.get(uid).map(|(_, streak)| *streak)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::{super::reason::Reason, *};

    const DRIFT: Duration = Duration::from_secs(1800);

    /// The pauses in seconds of `faults` faults, each met at the end of the pause before it.
    fn pauses(class: Class, faults: usize) -> Vec<u64> {
        let mut streaks = Streaks::new(DRIFT);
        let fault = Fault::new(class, Reason::sample("Test"), "");
        let mut now = Moment::ORIGIN;
        let mut next = || {
            let pause = streaks.failed("uid", Some(1), &fault, now, 0.5);
            now = now + pause;
            pause.as_secs_f64().round() as u64
        };
        (0..faults).map(|_| next()).collect()
    }

    #[rstest::rstest]
    #[case(Class::Throttled, &[5, 10, 20, 40, 80, 120, 120])]
    #[case(Class::UnknownOutcome, &[1, 2, 4, 8, 16, 30, 30])]
    #[case(Class::Blocked, &[15, 60, 300, 300])]
    #[case(Class::Terminal, &[1800, 1800])]
    #[case(Class::Transient, &[1, 2, 4, 8, 16, 32, 60, 60])]
    fn each_class_has_its_pauses(#[case] class: Class, #[case] expected: &[u64]) {
        assert_eq!(pauses(class, expected.len()), expected);
    }

    #[test]
    fn what_does_not_heal_in_a_quarter_of_an_hour_is_tried_less_often() {
        let all = pauses(Class::Transient, 40);
        let minutes = all.iter().take_while(|&&pause| pause <= 60).count();
        let patient: u64 = all[..minutes].iter().sum();
        assert!((900..960).contains(&patient), "{patient}");
        assert_eq!(all[minutes..minutes + 5], [120, 240, 480, 600, 600]);
    }

    #[test]
    fn success_and_a_new_generation_begin_anew() {
        let mut streaks = Streaks::new(DRIFT);
        let fault = Fault::transient(Reason::sample("Test"), "");
        let fail = |streaks: &mut Streaks, generation| {
            streaks
                .failed("uid", Some(generation), &fault, Moment::ORIGIN, 0.5)
                .as_secs()
        };
        assert_eq!(
            [
                fail(&mut streaks, 1),
                fail(&mut streaks, 1),
                fail(&mut streaks, 1)
            ],
            [1, 2, 4]
        );
        assert_eq!([fail(&mut streaks, 2), fail(&mut streaks, 2)], [1, 2]);
        streaks.succeeded("uid");
        assert_eq!((streaks.get("uid"), fail(&mut streaks, 2)), (None, 1));
        streaks.forget("uid");
        assert!(
            streaks.by_uid.is_empty(),
            "an object that is gone takes no room"
        );
    }

    #[test]
    fn one_object_does_not_slow_another() {
        let mut streaks = Streaks::new(DRIFT);
        let fault = Fault::transient(Reason::sample("Test"), "");
        for _ in 0..5 {
            streaks.failed("a", Some(1), &fault, Moment::ORIGIN, 0.5);
        }
        assert_eq!(
            streaks.failed("b", Some(1), &fault, Moment::ORIGIN, 0.5),
            SECOND
        );
    }

    #[test]
    fn the_other_side_says_when_at_the_earliest() {
        let mut streaks = Streaks::new(DRIFT);
        let fault = Fault {
            after: Some(Duration::from_secs(90)),
            ..Fault::new(Class::Throttled, Reason::sample("Test"), "")
        };
        assert_eq!(
            streaks.failed("uid", None, &fault, Moment::ORIGIN, 0.0),
            Duration::from_secs(90)
        );
        let later = streaks.failed("uid", None, &fault, Moment::ORIGIN, 0.9);
        assert!(
            later > Duration::from_secs(97),
            "they do not come back together either: {later:?}"
        );
    }

    proptest! {
        #[test]
        fn every_pause_is_near_its_class_and_above_the_floor(
            class in prop::sample::select(Class::iter().collect::<Vec<_>>()),
            failures in 1u32..,
            late in 0u32..,
            after in prop::option::of(0u64..100_000),
            jitter in 0.0..1.0f64,
        ) {
            let streak = Streak { since: Moment::ORIGIN, failures, late };
            let after = after.map(Duration::from_secs);
            let pause = spread(streak.pause(class, DRIFT), after, jitter);
            let (least, most) = match class {
                Class::Transient => (0.9, 660.0),
                Class::Throttled => (4.5, 132.0),
                Class::UnknownOutcome => (0.9, 33.0),
                Class::Blocked => (13.5, 330.0),
                Class::Terminal => (1620.0, 1980.0),
            };
            let floor = after.unwrap_or_default();
            prop_assert!(pause >= floor);
            prop_assert!(pause.as_secs_f64() >= least);
            prop_assert!(pause.as_secs_f64() <= f64::max(most, floor.as_secs_f64() * 1.1 + 0.001));
        }
    }
}
