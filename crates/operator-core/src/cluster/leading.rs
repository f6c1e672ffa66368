//! The right to write, for as long as the lease is ours.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use crate::decide::{
    clock::{Clock, Moment},
    outcome::Fault,
};

/// The right to write. Every write, inside the cluster and outside, takes one and checks it first.
///
/// All clones speak of the same term of leadership: a renewal moves their deadline ahead, and once the
/// term has ended none of them ever becomes valid again.
#[derive(Clone)]
pub struct Leading {
    clock: Clock,
    /// Nanoseconds since the clock's origin; zero when the term has ended, `u64::MAX` for ever.
    deadline: Arc<AtomicU64>,
}

/// The term has ended, or nobody knows whether it goes on: nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this replica no longer leads, so nothing was written; the one that does will go on")]
pub struct NotLeading;

impl Leading {
    /// The right to write for ever, for running without leader election.
    pub fn always(clock: Clock) -> Self {
        Self {
            clock,
            deadline: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    /// Says whether a write may start now.
    ///
    /// # Errors
    /// [`NotLeading`] from the deadline on.
    pub fn check(&self) -> Result<(), NotLeading> {
        if self.clock.now() < self.deadline() {
            Ok(())
        } else {
            Err(NotLeading)
        }
    }

    /// The moment from which on nothing may be written, unless a renewal moves it ahead.
    pub fn deadline(&self) -> Moment {
        match self.deadline.load(Ordering::Acquire) {
            u64::MAX => Moment::NEVER,
            nanos => Moment::at(Duration::from_nanos(nanos)),
        }
    }
}

impl Leading {
    /// Drives a write for as long as the right to write lasts.
    ///
    /// The right is looked at before each step, not only before the first: opening a connection takes time,
    /// and a process that was stopped meanwhile must not send what it has prepared. Dropping a request closes
    /// its connection.
    ///
    /// # Errors
    /// From the deadline on. What was sent before may have had its effect.
    pub async fn fence<F: Future>(&self, write: F) -> Result<F::Output, NotLeading> {
        let mut write = pin!(write);
        poll_fn(|context| match self.check() {
            Ok(()) => write.as_mut().poll(context).map(Ok),
            Err(not_leading) => Poll::Ready(Err(not_leading)),
        })
        .await
    }
}

impl fmt::Debug for Leading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leading")
            .field("deadline", &self.deadline())
            .finish()
    }
}

impl From<NotLeading> for Fault {
    fn from(not_leading: NotLeading) -> Self {
        Self::transient("LeadershipLost", not_leading.to_string())
    }
}

/// The only hand that moves a deadline: one term of leadership, held by the election.
pub(crate) struct Term(Leading);

impl Term {
    /// Begins a term that lasts until `deadline`.
    pub(crate) fn begin(clock: Clock, deadline: Moment) -> Self {
        Self(Leading {
            clock,
            deadline: Arc::new(AtomicU64::new(nanos(deadline))),
        })
    }

    /// The right that this term gives.
    pub(crate) fn leading(&self) -> Leading {
        self.0.clone()
    }

    /// Moves the deadline ahead. A term that has run out stays so: who held its right may have
    /// concluded that another leads.
    pub(super) fn extend(&mut self, deadline: Moment) {
        if self.0.check().is_ok() && deadline > self.0.deadline() {
            self.0.deadline.store(nanos(deadline), Ordering::Release);
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.0.deadline.store(0, Ordering::Release);
    }
}

/// Saturates below the value that stands for ever.
fn nanos(moment: Moment) -> u64 {
    u64::try_from(moment.since_origin().as_nanos())
        .unwrap_or(u64::MAX)
        .min(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_term_ends_at_its_deadline_and_renewals_move_it_for_every_clone() {
        let clock = Clock::system();
        let mut term = Term::begin(clock.clone(), clock.now() + SECOND * 10);
        let leading = term.leading();
        clock.advance(SECOND * 8);
        assert_eq!(leading.check(), Ok(()));
        term.extend(clock.now() + SECOND * 10);
        clock.advance(SECOND * 8);
        assert_eq!(
            leading.check(),
            Ok(()),
            "the renewal reached a clone made before it"
        );
        clock.advance(SECOND * 8);
        assert_eq!(leading.check(), Err(NotLeading));
    }

    #[test]
    fn a_term_that_ran_out_or_ended_never_comes_back() {
        let clock = Clock::system();
        let mut late = Term::begin(clock.clone(), clock.now() + SECOND);
        clock.advance(SECOND * 2);
        late.extend(clock.now() + SECOND * 10);
        assert_eq!(late.leading().check(), Err(NotLeading), "renewed too late");

        let ended = Term::begin(clock.clone(), clock.now() + SECOND * 10);
        let leading = ended.leading();
        drop(ended);
        assert_eq!(leading.check(), Err(NotLeading));
    }

    #[test]
    fn a_renewal_never_moves_the_deadline_back() {
        let clock = Clock::system();
        let deadline = clock.now() + SECOND * 10;
        let mut term = Term::begin(clock.clone(), deadline);
        let leading = term.leading();
        term.extend(clock.now() + SECOND);
        assert!(leading.deadline() + SECOND > deadline);
    }

    #[test]
    fn without_election_the_right_lasts() {
        let clock = Clock::system();
        let leading = Leading::always(clock.clone());
        clock.advance(SECOND * 3600 * 24 * 365);
        assert_eq!(leading.check(), Ok(()));
        assert_eq!(leading.deadline(), Moment::NEVER);
    }
}
