//! Pauses of whole providers: when the other side asks one object to slow down, all its siblings do.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::decide::clock::Moment;

/// The first pause of a lane; each further one without a success between is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// The lanes that are paused, and until when.
#[derive(Debug, Default)]
pub struct Pauses {
    lanes: HashMap<Arc<str>, Pause>,
}

#[derive(Debug)]
struct Pause {
    until: Moment,
    length: Duration,
}

impl Pauses {
    /// Notes that the other side throttled `lane`, asking for at least `after`. Several throttled calls of
    /// one burst make one pause.
    pub fn throttled(&mut self, lane: &Arc<str>, after: Option<Duration>, now: Moment) {
        let before = self.lanes.get(lane);
        if before.is_some_and(|pause| pause.until > now) {
            return;
        }
        let length = before.map_or(FIRST, |pause| (pause.length * 2).min(LONGEST));
        let until = now + length.max(after.unwrap_or_default());
        self.lanes.insert(lane.clone(), Pause { until, length });
    }

    /// Notes that a call of `lane` went through.
    pub fn succeeded(&mut self, lane: &Arc<str>, now: Moment) {
        if self.lanes.get(lane).is_some_and(|pause| pause.until <= now) {
            self.lanes.remove(lane);
        }
    }

    /// How long `lane` still has to wait.
    pub fn left(&self, lane: &Arc<str>, now: Moment) -> Option<Duration> {
        let left = self.lanes.get(lane)?.until.since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    #[test]
    fn a_burst_of_throttled_calls_is_one_pause_and_each_next_one_doubles() {
        let (lane, mut pauses) = (Arc::from("provider"), Pauses::default());
        pauses.throttled(&lane, None, at(0));
        pauses.throttled(&lane, None, at(0));
        assert_eq!(pauses.left(&lane, at(0)), Some(FIRST));
        assert_eq!(pauses.left(&lane, at(1)), None);
        pauses.throttled(&lane, None, at(1));
        assert_eq!(pauses.left(&lane, at(1)), Some(FIRST * 2));
        for n in 1..20 {
            pauses.throttled(&lane, None, at(n * 100));
        }
        assert_eq!(pauses.left(&lane, at(1900)), Some(LONGEST), "bounded");
    }

    #[test]
    fn the_other_sides_wish_is_a_floor_and_other_lanes_go_on() {
        let (lane, other, mut pauses) = (Arc::from("a"), Arc::from("b"), Pauses::default());
        pauses.throttled(&lane, Some(Duration::from_secs(30)), at(0));
        assert_eq!(pauses.left(&lane, at(10)), Some(Duration::from_secs(20)));
        assert_eq!(pauses.left(&other, at(10)), None);
    }

    #[test]
    fn a_success_after_the_pause_starts_anew() {
        let (lane, mut pauses) = (Arc::from("a"), Pauses::default());
        pauses.throttled(&lane, None, at(0));
        pauses.succeeded(&lane, at(0));
        assert!(
            pauses.left(&lane, at(0)).is_some(),
            "a straggler's success does not end a pause"
        );
        pauses.succeeded(&lane, at(5));
        pauses.throttled(&lane, None, at(6));
        assert_eq!(pauses.left(&lane, at(6)), Some(FIRST));
    }
}
