//! The budget of writes to the API server, which everything that one operator writes has in common.

use std::{sync::Arc, time::Duration};

use super::{
    leading::{Leading, NotLeading},
    turns::Turns,
};
use crate::decide::{budget::Limits, clock::Clock};

/// How many writes may be sent, and who is next. A clone is the same budget. Reads and the lease's renewals
/// are never part of it: a leader that has much to write must go on leading.
#[derive(Clone)]
pub struct WriteBudget(Option<Line>);

#[derive(Clone)]
struct Line {
    turns: Turns,
    /// Whoever writes: all in one line.
    share: Arc<str>,
}

impl WriteBudget {
    /// A budget that allows no more than `limits`.
    pub fn limited(limits: Limits, clock: Clock) -> Self {
        Self::adjustable(Some(limits), clock)
    }

    /// A budget whose limits [change](Self::adjust) as time goes by; none: it allows everything.
    pub fn adjustable(limits: Option<Limits>, clock: Clock) -> Self {
        Self(Some(Line {
            turns: Turns::within(limits, clock),
            share: "".into(),
        }))
    }

    /// From now on these limits hold, or none, for those who wait, too.
    pub fn adjust(&self, limits: Option<Limits>) {
        if let Some(line) = &self.0 {
            line.turns.adjust(limits);
        }
    }

    /// A budget that allows everything, for ever.
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// How long writes have waited so far, all together; those that were given up count, too.
    pub fn waited(&self) -> Duration {
        let line = self.0.as_ref();
        line.map_or(Duration::ZERO, |line| line.turns.waited())
    }

    /// Waits until one write may be sent, first come, first served. Dropping the future leaves the line.
    ///
    /// # Errors
    /// As soon as the right to write has ended.
    pub(super) async fn admit(&self, leading: &Leading) -> Result<(), NotLeading> {
        let Some(Line { turns, share }) = &self.0 else {
            return leading.check();
        };
        tokio::select! {
            biased;
            not_leading = leading.ended() => Err(not_leading),
            () = turns.next(share) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, pin::pin};

    use futures::poll;

    use super::*;
    use crate::cluster::leading::Term;

    const HOUR: Duration = Duration::from_secs(3600);

    /// One write at once, and one more each hour: so long that only the clock of the test can bring it.
    fn hourly(clock: &Clock) -> WriteBudget {
        let limits = Limits {
            interval: HOUR,
            burst: NonZeroU32::MIN,
        };
        WriteBudget::limited(limits, clock.clone())
    }

    #[tokio::test]
    async fn writes_go_in_the_order_in_which_they_came() {
        let clock = Clock::system();
        let (budget, leading) = (hourly(&clock), Leading::always(clock.clone()));
        budget.admit(&leading).await.unwrap();
        let mut second = pin!(budget.admit(&leading));
        assert!(poll!(&mut second).is_pending());
        let mut third = pin!(budget.admit(&leading));
        assert!(poll!(&mut third).is_pending());

        clock.advance(HOUR);
        assert!(poll!(&mut third).is_pending(), "it is not its turn");
        assert_eq!(second.await, Ok(()));
        assert!(poll!(&mut third).is_pending());
        clock.advance(HOUR);
        assert_eq!(third.await, Ok(()));
        let waited = budget.waited();
        assert!(waited >= HOUR * 3 && waited < HOUR * 4, "{waited:?}");
    }

    #[tokio::test]
    async fn who_may_write_no_more_waits_no_more() {
        let clock = Clock::system();
        let budget = hourly(&clock);
        let term = Term::begin(clock.clone(), clock.now() + HOUR * 10);
        let leading = term.leading();
        budget.admit(&leading).await.unwrap();
        let mut second = pin!(budget.admit(&leading));
        assert!(poll!(&mut second).is_pending());
        drop(term);
        assert_eq!(second.await, Err(NotLeading), "at once");

        let next = Leading::always(clock.clone());
        let mut third = pin!(budget.admit(&next));
        assert!(poll!(&mut third).is_pending());
        clock.advance(HOUR);
        assert_eq!(third.await, Ok(()), "the other gave its place back");
    }

    #[tokio::test]
    async fn limits_change_for_those_who_wait() {
        let clock = Clock::system();
        let (budget, leading) = (hourly(&clock), Leading::always(clock.clone()));
        budget.admit(&leading).await.unwrap();
        let mut second = pin!(budget.admit(&leading));
        assert!(poll!(&mut second).is_pending());
        budget.adjust(None);
        assert_eq!(poll!(&mut second), Ok(()).into(), "it was told at once");

        let budget = WriteBudget::adjustable(None, clock.clone());
        for _ in 0..100 {
            assert_eq!(poll!(pin!(budget.admit(&leading))), Ok(()).into());
        }
        budget.adjust(Some(Limits {
            interval: HOUR,
            burst: NonZeroU32::MIN,
        }));
        assert_eq!(poll!(pin!(budget.admit(&leading))), Ok(()).into());
        assert!(poll!(pin!(budget.admit(&leading))).is_pending());
    }

    #[tokio::test]
    async fn without_limits_nothing_waits() {
        let leading = Leading::always(Clock::system());
        let budget = WriteBudget::unlimited();
        for _ in 0..1000 {
            assert_eq!(poll!(pin!(budget.admit(&leading))), Ok(()).into());
        }
        assert_eq!(budget.waited(), Duration::ZERO);
    }
}
