//! How long a lease lasts, and when its holder gives up.

use std::time::Duration;

/// How far a candidate's retries are spread, as a multiple of the retry period (client-go's `JitterFactor`).
const JITTER_FACTOR: f64 = 1.2;

/// Timings of an election that keep its promise: a holder stops before anyone else may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timings {
    lease: Duration,
    renew_deadline: Duration,
    retry: Duration,
}

/// Why three durations are no [`Timings`]. Names the setting, what was found and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimings {
    /// The Lease object can only say whole seconds.
    #[error("the lease duration is {lease:?}: it must be whole seconds, from 1s to 2147483647s")]
    Lease {
        /// What was given.
        lease: Duration,
    },
    /// Others could take the lease while its holder still writes.
    #[error(
        "the renew deadline is {renew_deadline:?}: it must be shorter than the lease duration, {lease:?}, \
         so that a leader that cannot renew stops before another one starts"
    )]
    RenewDeadline {
        /// What was given.
        renew_deadline: Duration,
        /// The lease duration beside it.
        lease: Duration,
    },
    /// A single failed renewal would lose the lease.
    #[error(
        "the retry period is {retry:?}: it must be longer than 0s, and {JITTER_FACTOR} times it must be shorter \
         than the renew deadline, {renew_deadline:?}"
    )]
    Retry {
        /// What was given.
        retry: Duration,
        /// The renew deadline beside it.
        renew_deadline: Duration,
    },
}

impl Default for Timings {
    /// client-go's: 15 s, 10 s, 2 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

impl Timings {
    /// `lease`: how long others wait after the last renewal that they saw. `renew_deadline`: how long the
    /// holder goes on after its own last renewal. `retry`: the pause between two tries.
    ///
    /// # Errors
    /// Unless `lease > renew_deadline > 1.2 * retry > 0`, and `lease` is whole seconds.
    pub fn new(
        lease: Duration,
        renew_deadline: Duration,
        retry: Duration,
    ) -> Result<Self, InvalidTimings> {
        let whole = lease.subsec_nanos() == 0 && (1..=i32::MAX as u64).contains(&lease.as_secs());
        if !whole {
            return Err(InvalidTimings::Lease { lease });
        }
        if renew_deadline >= lease {
            return Err(InvalidTimings::RenewDeadline {
                renew_deadline,
                lease,
            });
        }
        if retry.is_zero() || retry.as_secs_f64() * JITTER_FACTOR >= renew_deadline.as_secs_f64() {
            return Err(InvalidTimings::Retry {
                retry,
                renew_deadline,
            });
        }
        Ok(Self {
            lease,
            renew_deadline,
            retry,
        })
    }

    /// How long others wait after the last renewal that they saw.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// How long the holder goes on after its own last renewal.
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// The pause between two tries of a holder.
    pub fn retry(&self) -> Duration {
        self.retry
    }

    /// The pause between two tries of a candidate; `jitter` in `[0, 1)` keeps candidates apart.
    pub fn candidate_retry(&self, jitter: f64) -> Duration {
        self.retry
            .mul_f64(1.0 + JITTER_FACTOR * jitter.clamp(0.0, 1.0))
    }

    /// The longest pause between two tries of a candidate.
    pub fn longest_candidate_retry(&self) -> Duration {
        self.candidate_retry(1.0)
    }

    /// The longest that a request may take: a hanging one leaves the holder time for another.
    pub fn request_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timings(lease: f64, renew_deadline: f64, retry: f64) -> Result<Timings, InvalidTimings> {
        Timings::new(
            Duration::from_secs_f64(lease),
            Duration::from_secs_f64(renew_deadline),
            Duration::from_secs_f64(retry),
        )
    }

    #[rstest::rstest]
    #[case::client_go(15.0, 10.0, 2.0, "")]
    #[case::tight(2.0, 1.9, 1.5, "")]
    #[case::fraction(15.5, 10.0, 2.0, "lease duration is 15.5s")]
    #[case::zero(0.0, 0.0, 0.0, "lease duration is 0ns")]
    #[case::more_than_the_object_can_say(3e9, 10.0, 2.0, "lease duration is 3000000000s")]
    #[case::deadline_at_the_lease(15.0, 15.0, 2.0, "renew deadline is 15s")]
    #[case::no_time_for_a_second_try(15.0, 6.0, 5.0, "retry period is 5s")]
    #[case::no_pause(15.0, 10.0, 0.0, "retry period is 0ns")]
    fn what_is_allowed(
        #[case] lease: f64,
        #[case] renew_deadline: f64,
        #[case] retry: f64,
        #[case] says: &str,
    ) {
        let error = timings(lease, renew_deadline, retry)
            .err()
            .map(|error| error.to_string());
        match error {
            None => assert_eq!(says, ""),
            Some(error) => assert!(!says.is_empty() && error.contains(says), "{error}"),
        }
    }

    #[test]
    fn the_default_is_allowed() {
        assert_eq!(timings(15.0, 10.0, 2.0), Ok(Timings::default()));
    }

    #[test]
    fn a_candidate_waits_up_to_twice_and_a_fifth() {
        let timings = Timings::default();
        assert_eq!(timings.candidate_retry(0.0), Duration::from_secs(2));
        assert_eq!(timings.candidate_retry(0.5), Duration::from_secs_f64(3.2));
        assert_eq!(timings.candidate_retry(1.0), Duration::from_secs_f64(4.4));
    }
}
