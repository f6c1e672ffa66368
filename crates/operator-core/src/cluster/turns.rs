//! Waiting for a turn of a budget that several share.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::own_time::Uncounted;
use crate::decide::{
    budget::{Budget, Limits, Place, Turn},
    clock::{Clock, Moment},
};

/// A budget and those who wait for it. A clone is the same.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Line>);

#[derive(Debug)]
struct Line {
    clock: Clock,
    budget: Mutex<Budget>,
    /// Somebody left the line, or the limits are others: who waits may be due earlier.
    shorter: Notify,
    waited_nanos: AtomicU64,
}

impl Turns {
    /// No more of them than `limits` allow, or as many as there are, as long as nobody [adjusts](Self::adjust) that.
    pub fn within(limits: Option<Limits>, clock: Clock) -> Self {
        const LEAST: Limits = Limits {
            interval: Duration::ZERO,
            burst: NonZeroU32::MIN,
        };
        Self::new(limits.unwrap_or(LEAST), clock)
    }

    /// No more of them than `limits` allow.
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self(Arc::new(Line {
            clock,
            budget: Mutex::new(Budget::new(limits)),
            shorter: Notify::new(),
            waited_nanos: AtomicU64::default(),
        }))
    }

    /// Waits for the next turn of `share`. Shares that wait have their turns one after the other, and each of them
    /// first come, first served. Dropping the future leaves the line. What is waited is no part of anybody's
    /// [own time](super::own_time).
    pub async fn next(&self, share: &Arc<str>) {
        Waiting::begin(&self.0, share).turn().await;
    }

    /// From now on these limits hold, or none, for those who wait, too.
    pub fn adjust(&self, limits: Option<Limits>) {
        let Line { clock, budget, .. } = &*self.0;
        budget.lock().adjust(limits, clock.now());
        self.0.shorter.notify_waiters();
    }

    /// How long has been waited so far, all together; what was given up counts, too.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.0.waited_nanos.load(Ordering::Relaxed))
    }
}

/// One in the line.
struct Waiting<'a> {
    line: &'a Line,
    place: Place,
    since: Moment,
}

impl<'a> Waiting<'a> {
    fn begin(line: &'a Line, share: &Arc<str>) -> Self {
        Self {
            line,
            place: line.budget.lock().reserve(share),
            since: line.clock.now(),
        }
    }

    async fn turn(&self) {
        let Line { clock, budget, .. } = self.line;
        let mut uncounted = None;
        loop {
            // Told of whoever leaves from here on.
            let shorter = self.line.shorter.notified();
            let turn = budget.lock().take(self.place, clock.now());
            let Turn::At(due) = turn else { return };
            uncounted.get_or_insert_with(Uncounted::begin);
            tokio::select! {
                () = clock.sleep_until(due) => {}
                () = shorter => {}
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.line.budget.lock().give_back(self.place) {
            self.line.shorter.notify_waiters();
        }
        let waited = self.line.clock.now().since(self.since).as_nanos();
        let waited = u64::try_from(waited).unwrap_or(u64::MAX);
        self.line.waited_nanos.fetch_add(waited, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// One at once, and one more each hour: so long that only the clock of the test can bring it.
    fn hourly(clock: &Clock) -> Turns {
        let limits = Limits {
            interval: HOUR,
            burst: NonZeroU32::MIN,
        };
        Turns::new(limits, clock.clone())
    }

    #[tokio::test]
    async fn shares_have_their_turns_one_after_the_other() {
        let clock = Clock::system();
        let turns = hourly(&clock);
        let [many, few]: [Arc<str>; 2] = ["many", "few"].map(Into::into);
        turns.next(&many).await;
        let mut second = pin!(turns.next(&many));
        assert!(poll!(&mut second).is_pending());
        let mut third = pin!(turns.next(&many));
        assert!(poll!(&mut third).is_pending());
        let mut other = pin!(turns.next(&few));
        assert!(poll!(&mut other).is_pending());

        clock.advance(HOUR);
        assert!(poll!(&mut second).is_pending(), "it has had one");
        other.await;
        clock.advance(HOUR);
        assert!(poll!(&mut third).is_pending(), "it came later");
        second.await;
        clock.advance(HOUR);
        third.await;
        let waited = turns.waited();
        assert!(waited >= HOUR * 6 && waited < HOUR * 7, "{waited:?}");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_turn_to_the_next() {
        let clock = Clock::system();
        let (turns, share) = (hourly(&clock), Arc::from("a"));
        turns.next(&share).await;
        let mut second = Box::pin(turns.next(&share));
        assert!(poll!(&mut second).is_pending());
        let mut third = pin!(turns.next(&share));
        assert!(poll!(&mut third).is_pending());
        clock.advance(HOUR);
        assert!(poll!(&mut third).is_pending(), "it is not its turn");
        drop(second);
        assert!(poll!(&mut third).is_ready(), "it was told at once");
    }
}
