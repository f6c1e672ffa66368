//! The right to write, for as long as the lease is ours.

use std::{fmt, future::poll_fn, pin::pin, sync::Arc, task::Poll};

use tokio::sync::watch;

use super::reasons;
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
    /// The clock's origin when the term has ended.
    deadline: Arc<watch::Sender<Moment>>,
}

/// The term has ended, or nobody knows whether it goes on: nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this replica no longer leads, so nothing was written; the one that does will go on")]
pub struct NotLeading;

impl Leading {
    /// The right to write for ever, for running without leader election.
    pub fn always(clock: Clock) -> Self {
        Self::until(clock, Moment::NEVER)
    }

    fn until(clock: Clock, deadline: Moment) -> Self {
        Self {
            clock,
            deadline: Arc::new(watch::Sender::new(deadline)),
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

    /// Waits until nothing may be written any more.
    pub async fn ended(&self) -> NotLeading {
        let mut deadline = self.deadline.subscribe();
        loop {
            let last = *deadline.borrow_and_update();
            if let Err(not_leading) = self.check() {
                return not_leading;
            }
            tokio::select! {
                () = self.clock.sleep_until(last) => {}
                // The sender lives as long as `self`: an error cannot be.
                _ = deadline.changed() => {}
            }
        }
    }

    /// The time.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The moment from which on nothing may be written, unless a renewal moves it ahead.
    pub fn deadline(&self) -> Moment {
        *self.deadline.borrow()
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
        Self::transient(reasons::LEADERSHIP_LOST, not_leading.to_string())
    }
}

/// The only hand that moves a deadline: one term of leadership, held by the election.
pub(crate) struct Term(Leading);

impl Term {
    /// Begins a term that lasts until `deadline`.
    pub(crate) fn begin(clock: Clock, deadline: Moment) -> Self {
        Self(Leading::until(clock, deadline))
    }

    /// The right that this term gives.
    pub(crate) fn leading(&self) -> Leading {
        self.0.clone()
    }

    /// Moves the deadline ahead. A term that has run out stays so: who held its right may have
    /// concluded that another leads.
    pub(super) fn extend(&mut self, deadline: Moment) {
        if self.0.check().is_ok() && deadline > self.0.deadline() {
            self.0.deadline.send_replace(deadline);
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.0.deadline.send_replace(Moment::ORIGIN);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_term_sees_renewals_and_an_early_end() {
        let clock = Clock::system();
        let hour = SECOND * 3600;
        let mut term = Term::begin(clock.clone(), clock.now() + hour);
        let leading = term.leading();
        let mut ended = pin!(leading.ended());
        assert!(futures::poll!(&mut ended).is_pending());
        term.extend(clock.now() + hour * 3);
        clock.advance(hour * 2);
        assert!(futures::poll!(&mut ended).is_pending(), "it was renewed");
        drop(term);
        assert_eq!(ended.await, NotLeading, "long before its deadline");

        let term = Term::begin(clock.clone(), clock.now() + hour);
        clock.advance(hour);
        assert_eq!(term.leading().ended().await, NotLeading, "it ran out");
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
