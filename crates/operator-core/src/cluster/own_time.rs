//! How long work may take, apart from the time in which it waits for its turn.
//!
//! What many share by turns has its lines, and a deadline that counts them ends everybody's work alike, all the
//! later the more had begun; then nothing ever ends. A line always moves, so whoever stands in it has his turn.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::decide::clock::{Clock, Moment};

tokio::task_local! {
    /// That of the work at hand, and of all that it is a part of.
    static OWN: Vec<OwnTime>;
}

/// The time that a piece of work has of its own. A clone is the same.
#[derive(Clone, Debug)]
pub struct OwnTime {
    clock: Clock,
    account: Arc<watch::Sender<Account>>,
}

/// A deadline that stands still while at least one part of the work waits for its turn.
#[derive(Clone, Copy, Debug)]
struct Account {
    deadline: Moment,
    waiting: usize,
    since: Moment,
}

impl Account {
    fn wait(&mut self, now: Moment) {
        if self.waiting == 0 {
            self.since = now;
        }
        self.waiting += 1;
    }

    fn go_on(&mut self, now: Moment) {
        self.waiting -= 1;
        if self.waiting == 0 {
            self.deadline = self.deadline + now.since(self.since);
        }
    }

    fn deadline(&self) -> Moment {
        match self.waiting {
            0 => self.deadline,
            _ => Moment::NEVER,
        }
    }

    fn left(&self, now: Moment) -> Duration {
        let counted = match self.waiting {
            0 => now,
            _ => self.since,
        };
        self.deadline.since(counted)
    }
}

impl OwnTime {
    /// So much, from now on.
    pub fn new(allowed: Duration, clock: Clock) -> Self {
        let now = clock.now();
        let account = Account {
            deadline: now + allowed,
            waiting: 0,
            since: now,
        };
        Self {
            clock,
            account: Arc::new(watch::Sender::new(account)),
        }
    }

    /// How much of it is left.
    pub fn left(&self) -> Duration {
        self.account.borrow().left(self.clock.now())
    }

    /// Runs `work` until it ends or its time is up, which gives `None`.
    pub async fn within<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut own = OWN.try_with(Vec::clone).unwrap_or_default();
        own.push(self.clone());
        let work = pin!(OWN.scope(own, work));
        tokio::select! {
            biased;
            output = work => Some(output),
            () = self.up() => None,
        }
    }

    async fn up(&self) {
        let mut account = self.account.subscribe();
        loop {
            let deadline = account.borrow_and_update().deadline();
            tokio::select! {
                () = self.clock.sleep_until(deadline) => return,
                // The sender lives as long as `self`: an error cannot be.
                _ = account.changed() => {}
            }
        }
    }
}

/// A wait that is counted against nobody, until it is dropped.
#[derive(Debug)]
pub struct Uncounted(Vec<OwnTime>);

impl Uncounted {
    /// Begins a wait of all work that this is part of, as far as that has a time of its own.
    pub fn begin() -> Self {
        let own = OWN.try_with(Vec::clone).unwrap_or_default();
        for OwnTime { clock, account } in &own {
            account.send_modify(|account| account.wait(clock.now()));
        }
        Self(own)
    }
}

impl Drop for Uncounted {
    fn drop(&mut self) {
        for OwnTime { clock, account } in &self.0 {
            account.send_modify(|account| account.go_on(clock.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, num::NonZeroU32};

    use futures::{future::join, poll};

    use super::*;
    use crate::{cluster::turns::Turns, decide::budget::Limits};

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    /// One at once, and one more each hour: so long that only the clock of the test can bring it.
    async fn spent(clock: &Clock) -> (Turns, Arc<str>) {
        let limits = Limits {
            interval: HOUR,
            burst: NonZeroU32::MIN,
        };
        let (turns, share) = (Turns::new(limits, clock.clone()), Arc::from("a"));
        turns.next(&share).await;
        (turns, share)
    }

    #[tokio::test]
    async fn who_waits_for_turns_has_the_rest_of_his_time_afterwards() {
        let clock = Clock::system();
        let (turns, share) = spent(&clock).await;
        let own = OwnTime::new(MINUTE, clock.clone());
        let mut work = pin!(own.within(async {
            turns.next(&share).await;
            turns.next(&share).await;
            clock.sleep(MINUTE / 2).await;
        }));
        for _ in 0..2 {
            assert!(poll!(&mut work).is_pending());
            assert!(own.left() > MINUTE / 2, "{:?}", own.left());
            clock.advance(HOUR);
        }
        assert!(poll!(&mut work).is_pending());
        clock.advance(MINUTE / 2);
        assert_eq!(work.await, Some(()));
    }

    #[tokio::test]
    async fn what_hangs_by_itself_is_cut_whatever_was_waited_before() {
        let clock = Clock::system();
        let (turns, share) = spent(&clock).await;
        let own = OwnTime::new(MINUTE, clock.clone());
        let mut work = pin!(own.within(async {
            // Two that wait at once have waited once.
            join(turns.next(&share), turns.next(&share)).await;
            pending::<()>().await;
        }));
        for _ in 0..2 {
            assert!(poll!(&mut work).is_pending());
            clock.advance(HOUR);
        }
        assert!(poll!(&mut work).is_pending());
        clock.advance(MINUTE);
        assert_eq!(work.await, None);
        assert_eq!(own.left(), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_a_part_waits_is_not_taken_from_the_whole() {
        let clock = Clock::system();
        let (turns, share) = spent(&clock).await;
        let whole = OwnTime::new(MINUTE, clock.clone());
        let part = OwnTime::new(MINUTE / 2, clock.clone());
        let mut work = pin!(whole.within(async {
            let waited = part.within(turns.next(&share)).await;
            // What the part has to itself is the whole's, too.
            let hung = part.within(pending::<()>()).await;
            (waited, hung)
        }));
        assert!(poll!(&mut work).is_pending());
        clock.advance(HOUR / 2);
        assert!(poll!(&mut work).is_pending());
        clock.advance(HOUR / 2);
        assert!(poll!(&mut work).is_pending());
        assert!(whole.left() > MINUTE / 2, "{:?}", whole.left());
        clock.advance(MINUTE / 2);
        assert_eq!(work.await, Some((Some(()), None)));
        assert!(whole.left() <= MINUTE / 2, "{:?}", whole.left());
    }

    #[tokio::test]
    async fn who_leaves_the_line_is_counted_again() {
        let clock = Clock::system();
        let (turns, share) = spent(&clock).await;
        let own = OwnTime::new(MINUTE, clock.clone());
        let mut work = pin!(own.within(async {
            let given_up = clock.until(clock.now() + HOUR / 2, turns.next(&share));
            given_up.await;
            pending::<()>().await;
        }));
        assert!(poll!(&mut work).is_pending());
        clock.advance(HOUR / 2);
        assert!(poll!(&mut work).is_pending());
        clock.advance(MINUTE);
        assert_eq!(work.await, None);
    }
}
