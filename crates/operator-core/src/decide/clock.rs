//! Time as a parameter.
//!
//! Everything that decides takes a [`Moment`]; everything that waits asks a [`Clock`]. A test holds an
//! adjustable clock and moves it, so no test waits for a lease or a backoff to pass.

use std::{
    future::Future,
    ops::{Add, Sub},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;

/// A point on the monotonic clock, as the time since the clock's own origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The clock's origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);
    /// Later than every moment that a clock reaches.
    pub const NEVER: Self = Self(Duration::MAX);

    /// The moment that lies `since_origin` after the clock's origin.
    pub const fn at(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The time since the clock's origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(before))
    }
}

/// The source of time: the machine's own, plus what a test has added to it.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    ahead: Arc<watch::Sender<Duration>>,
}

impl Clock {
    /// The machine's clocks. Nobody can move them through this value's clones unless they call
    /// [`advance`](Self::advance), which only tests do.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn system() -> Self {
        Self {
            origin: Instant::now(),
            ahead: Arc::new(watch::Sender::new(Duration::ZERO)),
        }
    }

    /// Moves this clock and all its clones ahead and wakes whoever waits for a moment thus reached.
    pub fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }

    /// The present on the monotonic clock.
    pub fn now(&self) -> Moment {
        Moment(self.origin.elapsed() + *self.ahead.borrow())
    }

    /// The present as users read it (UTC).
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn wall(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(*self.ahead.borrow()).unwrap_or(now)
    }

    /// Waits until `moment`; for ever if it is [`Moment::NEVER`].
    pub async fn sleep_until(&self, moment: Moment) {
        let mut ahead = self.ahead.subscribe();
        loop {
            ahead.mark_unchanged();
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // The sender lives as long as `self`: an error cannot be.
                _ = ahead.changed() => {}
            }
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Runs `work` until it ends or `deadline` is reached, which gives `None`.
    pub async fn until<F: Future>(&self, deadline: Moment, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = work => Some(output),
            () = self.sleep_until(deadline) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn moments_saturate() {
        assert_eq!(Moment::NEVER + HOUR, Moment::NEVER);
        assert_eq!(Moment::ORIGIN.since(Moment::NEVER), Duration::ZERO);
        assert_eq!(Moment::at(HOUR) - HOUR, Moment::ORIGIN);
    }

    #[tokio::test]
    async fn advancing_wakes_sleepers_of_every_clone() {
        let clock = Clock::system();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(HOUR).await }
        });
        tokio::task::yield_now().await;
        clock.advance(HOUR * 2);
        sleeper.await.expect("the sleeper ended");
    }

    #[tokio::test]
    async fn a_deadline_ends_work_that_hangs() {
        let clock = Clock::system();
        let deadline = clock.now() + HOUR;
        clock.advance(HOUR);
        assert_eq!(
            clock.until(deadline, std::future::pending::<()>()).await,
            None
        );
        assert_eq!(
            clock.until(deadline, async { 1 }).await,
            Some(1),
            "finished work wins"
        );
    }

    #[test]
    fn wall_time_moves_with_the_clock() {
        let clock = Clock::system();
        let before = clock.wall();
        clock.advance(HOUR);
        assert!(clock.wall().duration_since(before).as_secs() >= 3600);
    }
}
