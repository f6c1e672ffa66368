//! How many events an object may cause. No I/O.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use super::Happening;
use crate::decide::clock::Moment;

/// One more event an object may cause each time this has passed; client-go's `defaultSpamQPS`.
const REFILL: Duration = Duration::from_secs(300);
/// How many events an object may cause at once; client-go's `defaultSpamBurst`.
const BURST: u32 = 25;
/// The same again within this time continues a series.
const SERIES_GAP: Duration = Duration::from_secs(600);
/// How often a series may be written.
const SERIES_PERIOD: Duration = Duration::from_secs(60);
/// How many series of one object are followed.
const MAX_SERIES: usize = 16;

/// What to do about something that happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write a new event of this name.
    Create(Arc<str>),
    /// Write that the event of this name has now happened `count` times.
    Continue { name: Arc<str>, count: i32 },
    /// The same was written a moment ago: it is counted, and written with the next one.
    Merge,
    /// The object has caused too many events.
    Refuse,
}

/// What objects have caused lately, of at most so many of them.
pub(super) struct Limits {
    /// By their UIDs' hashes: who shares one shares the limits.
    objects: HashMap<u64, Lately>,
    capacity: usize,
}

struct Lately {
    used: Moment,
    /// When the burst will be whole again.
    whole_at: Moment,
    series: Vec<Series>,
}

struct Series {
    /// Of severity, action, reason and note.
    same: u64,
    name: Arc<str>,
    count: i32,
    happened: Moment,
    written: Moment,
}

impl Limits {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            objects: HashMap::new(),
            capacity,
        }
    }

    /// Decides about something that happened to the object `uid`. `name` names a new event.
    pub(super) fn judge(
        &mut self,
        uid: &str,
        happening: &Happening,
        now: Moment,
        name: impl FnOnce() -> Arc<str>,
    ) -> Verdict {
        let object = hashed(uid);
        if !self.objects.contains_key(&object) {
            self.make_room();
        }
        let lately = self.objects.entry(object).or_insert(Lately {
            used: now,
            whole_at: now,
            series: Vec::new(),
        });
        lately.used = now;
        lately.judge(identity(happening), now, name)
    }

    /// Forgets the half that has been quiet longest, so that a full house costs little each time.
    fn make_room(&mut self) {
        if self.objects.len() < self.capacity {
            return;
        }
        let mut used: Vec<_> = self.objects.values().map(|lately| lately.used).collect();
        let half = used.len() / 2;
        let (_, &mut middle, _) = used.select_nth_unstable(half);
        let mut surplus = half + 1;
        self.objects.retain(|_, lately| {
            let goes = lately.used <= middle && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

impl Lately {
    fn judge(&mut self, same: u64, now: Moment, name: impl FnOnce() -> Arc<str>) -> Verdict {
        self.series
            .retain(|series| now.since(series.happened) < SERIES_GAP);
        let Some(at) = self.series.iter().position(|series| series.same == same) else {
            return self.begin(same, now, name);
        };
        self.series[at].count = self.series[at].count.saturating_add(1);
        self.series[at].happened = now;
        if now.since(self.series[at].written) < SERIES_PERIOD {
            return Verdict::Merge;
        }
        if !self.spend(now) {
            return Verdict::Refuse;
        }
        let series = &mut self.series[at];
        series.written = now;
        Verdict::Continue {
            name: series.name.clone(),
            count: series.count,
        }
    }

    fn begin(&mut self, same: u64, now: Moment, name: impl FnOnce() -> Arc<str>) -> Verdict {
        if !self.spend(now) {
            return Verdict::Refuse;
        }
        if self.series.len() == MAX_SERIES {
            let quietest = self
                .series
                .iter()
                .enumerate()
                .min_by_key(|(_, series)| series.happened);
            quietest
                .map(|(at, _)| at)
                .map(|at| self.series.swap_remove(at));
        }
        let name = name();
        // Most objects have one: without a word, a list makes room for four.
        self.series.reserve_exact(1);
        self.series.push(Series {
            same,
            name: name.clone(),
            count: 1,
            happened: now,
            written: now,
        });
        Verdict::Create(name)
    }

    fn spend(&mut self, now: Moment) -> bool {
        let whole_at = self.whole_at.max(now) + REFILL;
        let allowed = whole_at.since(now) <= REFILL * BURST;
        if allowed {
            self.whole_at = whole_at;
        }
        allowed
    }
}

fn identity(happening: &Happening) -> u64 {
    hashed((
        happening.severity,
        happening.action,
        happening.reason,
        &happening.note,
    ))
}

fn hashed(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::decide::reason::Reason;

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    fn noted(note: &str) -> Happening {
        Happening {
            severity: Severity::Normal,
            reason: Reason::sample("Created"),
            action: "Create",
            note: note.to_owned(),
        }
    }

    fn judge(limits: &mut Limits, uid: &str, note: &str, seconds: u64) -> Verdict {
        limits.judge(uid, &noted(note), at(seconds), || note.into())
    }

    #[test]
    fn the_same_again_is_a_series_written_at_most_once_a_minute() {
        let mut limits = Limits::new(8);
        assert_eq!(judge(&mut limits, "a", "x", 0), Verdict::Create("x".into()));
        assert_eq!(judge(&mut limits, "a", "x", 1), Verdict::Merge);
        assert_eq!(judge(&mut limits, "a", "x", 59), Verdict::Merge);
        assert_eq!(
            judge(&mut limits, "a", "x", 60),
            Verdict::Continue {
                name: "x".into(),
                count: 4
            }
        );
        assert_eq!(judge(&mut limits, "a", "x", 61), Verdict::Merge);
        assert_eq!(
            judge(&mut limits, "a", "y", 61),
            Verdict::Create("y".into()),
            "another note"
        );
        assert_eq!(
            judge(&mut limits, "b", "x", 61),
            Verdict::Create("x".into()),
            "another object"
        );
    }

    #[test]
    fn a_series_ends_when_it_is_quiet() {
        let mut limits = Limits::new(8);
        judge(&mut limits, "a", "x", 0);
        assert!(matches!(
            judge(&mut limits, "a", "x", 599),
            Verdict::Continue { count: 2, .. }
        ));
        assert_eq!(
            judge(&mut limits, "a", "x", 599 + 600),
            Verdict::Create("x".into())
        );
    }

    #[test]
    fn an_object_has_a_burst_and_then_one_event_each_five_minutes() {
        let mut limits = Limits::new(8);
        for n in 0..25 {
            assert!(
                matches!(
                    judge(&mut limits, "a", &n.to_string(), 0),
                    Verdict::Create(_)
                ),
                "{n}"
            );
        }
        assert_eq!(judge(&mut limits, "a", "more", 299), Verdict::Refuse);
        assert!(
            matches!(judge(&mut limits, "b", "more", 299), Verdict::Create(_)),
            "others are free"
        );
        assert!(matches!(
            judge(&mut limits, "a", "more", 300),
            Verdict::Create(_)
        ));
        assert_eq!(judge(&mut limits, "a", "still more", 300), Verdict::Refuse);
    }

    #[test]
    fn a_series_is_limited_too_and_keeps_its_count() {
        let mut limits = Limits::new(8);
        judge(&mut limits, "a", "x", 0);
        let written = (1..=600)
            .filter(|n| judge(&mut limits, "a", "x", n * 60) != Verdict::Refuse)
            .count();
        assert_eq!(
            written as u32,
            24 + 36000 / 300,
            "a minute is shorter than the refill"
        );
        let Verdict::Continue { count, .. } = judge(&mut limits, "a", "x", 36_300) else {
            panic!()
        };
        assert_eq!(count, 602, "what was refused is counted");
    }

    #[test]
    fn memory_is_bounded_and_the_quiet_are_forgotten_first() {
        let mut limits = Limits::new(100);
        for n in 0..1000 {
            judge(&mut limits, "busy", "x", n);
            judge(&mut limits, &n.to_string(), "x", n);
            assert!(limits.objects.len() <= 100);
        }
        assert!(
            limits.objects.contains_key(&hashed("busy"))
                && limits.objects.contains_key(&hashed("999"))
        );
        for n in 0..1000 {
            limits.judge(
                "busy",
                &noted(&n.to_string()),
                at(1_000_000 + n * 300),
                || "e".into(),
            );
        }
        assert!(limits.objects[&hashed("busy")].series.len() <= MAX_SERIES);
    }

    #[test]
    fn objects_of_one_moment_do_not_all_go_at_once() {
        let mut limits = Limits::new(100);
        for n in 0..101 {
            judge(&mut limits, &n.to_string(), "x", 5);
        }
        assert_eq!(limits.objects.len(), 50);
    }
}
