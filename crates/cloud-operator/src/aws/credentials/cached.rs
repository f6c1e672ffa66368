//! Credentials kept in use: renewed before they end, once at a time, and in a task of their own. Who needs them may
//! have less time than their source takes; he is not made to wait for others than he has, nor does what he waits
//! for end with him.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_credential_types::{
    Credentials,
    provider::{
        ProvideCredentials, Result as Provided, SharedCredentialsProvider, error::CredentialsError,
        future,
    },
};
use jiff::Timestamp;
use operator_core::{
    cluster::own_time::Uncounted,
    decide::{
        clock::Clock,
        outcome::{Fault, Scope},
    },
};
use parking_lot::Mutex;
use tokio::{sync::OwnedMutexGuard, task::JoinHandle};
use tracing::Instrument;

use crate::aws::{
    failure::no_credentials, fault::Call, pace::Pace, reasons::AUTHENTICATION_FAILED,
};

/// How long before their end credentials are renewed; up to twice that, so that not all are at once.
const LEAD: Duration = Duration::from_secs(5 * 60);
/// How long before their end credentials are not used any more: a request must reach AWS in time.
const MARGIN: Duration = Duration::from_secs(10);
/// How soon a renewal that failed is tried again while the old credentials still work; up to twice that.
const RETRY: Duration = Duration::from_secs(30);
/// How long new credentials are kept whatever is said of them: all who shared the ones before are told at the
/// same time that AWS does not know those any more.
const SETTLED: Duration = Duration::from_secs(30);
/// How long credentials without an end are used until somebody looks whether there are others.
const UNDATED: Duration = Duration::from_secs(15 * 60);

/// Credentials of one source, shared by all who came the same way.
pub(in crate::aws) struct Cached {
    clock: Clock,
    /// How long the source may take.
    patience: Duration,
    origin: Origin,
    held: Mutex<Option<Held>>,
    /// How many renewals have ended.
    landed: AtomicU64,
    /// Held during a renewal; has how the last one failed, if it did.
    flight: Arc<tokio::sync::Mutex<Option<Fault>>>,
}

/// A renewal's hold on its turn.
type Flight = OwnedMutexGuard<Option<Fault>>;

/// Where credentials come from.
pub(in crate::aws) struct Origin {
    pub source: SharedCredentialsProvider,
    /// The credentials that the source itself uses.
    pub base: Option<Arc<Cached>>,
    /// The budgets of calls to STS with all credentials that come from the same first ones: AWS throttles by whose they
    /// are.
    pub pace: Pace,
    /// What the source asks STS for, and in whose turn, if it does.
    pub asks: Option<(Call, Arc<str>)>,
}

struct Held {
    credentials: Credentials,
    since: Timestamp,
    renew: Timestamp,
    end: Timestamp,
}

/// What can be done with what is held.
enum Look {
    /// Use it.
    Fresh(Credentials),
    /// Use it, but it is time to renew it.
    Due(Credentials),
    /// Nothing.
    Ended,
}

impl Held {
    /// `jitter` is from 0 to 1.
    fn new(credentials: Credentials, now: Timestamp, jitter: f64) -> Self {
        let undated = later(now, UNDATED);
        let end = credentials
            .expiry()
            .map_or(Some(undated), |end| Timestamp::try_from(end).ok())
            .unwrap_or(Timestamp::MAX)
            // What has ended when it comes says that our clock is wrong, and serves whoever has waited for it.
            .max(later(now, SETTLED + MARGIN));
        let life = Duration::try_from(end.duration_since(now)).unwrap_or_default();
        let lead = LEAD.mul_f64(1.0 + jitter).min(life / 2);
        Self {
            credentials,
            since: now,
            renew: later(now, life - lead),
            end,
        }
    }

    fn look(&self, now: Timestamp) -> Look {
        if later(now, MARGIN) >= self.end {
            Look::Ended
        } else if now >= self.renew {
            Look::Due(self.credentials.clone())
        } else {
            Look::Fresh(self.credentials.clone())
        }
    }
}

impl Cached {
    /// Credentials of `origin`, whose source gets `patience` for an answer.
    pub fn new(clock: Clock, patience: Duration, origin: Origin) -> Self {
        Self {
            clock,
            patience,
            origin,
            held: Mutex::new(None),
            landed: AtomicU64::new(0),
            flight: Arc::default(),
        }
    }

    /// Credentials that work now. Only where there are none, their source is waited for; what is waited is no part of
    /// anybody's own time.
    ///
    /// # Errors
    /// A fault of the provider, if there are none and none can be had.
    pub async fn get(self: &Arc<Self>) -> Result<Credentials, Fault> {
        let seen = self.landed.load(Ordering::Acquire);
        match self.look() {
            Look::Fresh(credentials) => return Ok(credentials),
            Look::Due(credentials) => {
                // Unless somebody is at it.
                if let Ok(flight) = self.flight.clone().try_lock_owned() {
                    drop(self.begin(flight));
                }
                return Ok(credentials);
            }
            Look::Ended => {}
        }
        // Whatever they wait for in turn is no time of the caller's, and their source has a time of its own.
        let _uncounted = Uncounted::begin();
        let flight = self.flight.clone().lock_owned().await;
        if let Look::Fresh(credentials) | Look::Due(credentials) = self.look() {
            return Ok(credentials);
        }
        if let Some(fault) = &*flight
            && self.landed.load(Ordering::Acquire) != seen
        {
            // It failed while this caller waited for it: what it learned holds for him, too.
            return Err(fault.clone());
        }
        let landed = self.begin(flight).await;
        landed.unwrap_or_else(|_| Err(ended()))
    }

    /// The budgets of calls to STS with these credentials.
    pub fn pace(&self) -> &Pace {
        &self.origin.pace
    }

    /// Forgets what is held, and what it was made with: AWS does not know it any more. What is quite new stays.
    pub fn forget(&self) {
        let now = self.clock.wall();
        let mut held = self.held.lock();
        if held
            .as_ref()
            .is_some_and(|it| now >= later(it.since, SETTLED))
        {
            *held = None;
        }
        drop(held);
        if let Some(base) = &self.origin.base {
            base.forget();
        }
    }

    fn look(&self) -> Look {
        let now = self.clock.wall();
        self.held
            .lock()
            .as_ref()
            .map_or(Look::Ended, |held| held.look(now))
    }

    /// Begins a renewal, which goes on whether or not somebody waits for it.
    fn begin(self: &Arc<Self>, flight: Flight) -> JoinHandle<Result<Credentials, Fault>> {
        let cached = self.clone();
        let renewal = async move { cached.renew(flight).await };
        tokio::spawn(renewal.in_current_span())
    }

    /// Brings new credentials. Should that fail, what still works goes on until its end.
    async fn renew(&self, mut flight: Flight) -> Result<Credentials, Fault> {
        let loaded = self.load().await;
        *flight = loaded.as_ref().err().cloned();
        match &loaded {
            Ok(credentials) => {
                let held = Held::new(credentials.clone(), self.clock.wall(), fastrand::f64());
                *self.held.lock() = Some(held);
            }
            Err(fault) => self.put_off(fault),
        }
        self.landed.fetch_add(1, Ordering::Release);
        loaded
    }

    /// Asks the source. Its own credentials and its turn are had before: neither the time for it nor the SDK's for one
    /// call is to end while something else is waited for, or nobody would be told what that is.
    async fn load(&self) -> Result<Credentials, Fault> {
        let Origin {
            source,
            base,
            pace,
            asks,
        } = &self.origin;
        if let Some(base) = base {
            base.get().await?;
        }
        if let Some((call, namespace)) = asks {
            pace.turn(*call, namespace).await;
        }
        let deadline = self.clock.now() + self.patience;
        let asked = source.provide_credentials();
        match self.clock.until(deadline, asked).await {
            Some(loaded) => loaded.map_err(|error| no_credentials(&error)),
            None => Err(late(self.patience)),
        }
    }

    fn put_off(&self, fault: &Fault) {
        let now = self.clock.wall();
        if let Some(held) = self.held.lock().as_mut()
            && !matches!(held.look(now), Look::Ended)
        {
            held.renew = later(now, RETRY.mul_f64(1.0 + fastrand::f64()));
            tracing::warn!(error = %fault, "credentials could not be renewed; those in use go on until they end");
        }
    }
}

fn late(patience: Duration) -> Fault {
    let text = format!("no credentials could be had within {patience:?}");
    Fault::transient(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider)
}

/// What is said of a renewal that ended by itself: by a defect, or with the process.
fn ended() -> Fault {
    let text = "the task that was to bring credentials ended before its time";
    Fault::transient(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider)
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cached(..)")
    }
}

/// [`Cached`] as the SDK takes it.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Renewed(pub Arc<Cached>);

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let provided = async move {
            let got = self.0.get().await;
            // The fault travels through the SDK as the cause of this error.
            let provided: Provided = got.map_err(CredentialsError::provider_error);
            provided
        };
        future::ProvideCredentials::new(provided)
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::atomic::AtomicUsize, task::Poll, time::SystemTime};

    use futures::poll;
    use tokio::sync::Semaphore;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    /// Gives credentials for an hour, named by their number; refuses while it is told to, and waits for leave.
    #[derive(Debug)]
    struct Script {
        clock: Clock,
        asked: AtomicUsize,
        refuses: std::sync::atomic::AtomicBool,
        leave: Semaphore,
    }

    #[derive(Clone, Debug)]
    struct Shared(Arc<Script>);

    impl ProvideCredentials for Shared {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async move {
                let script = &self.0;
                let number = script.asked.fetch_add(1, Ordering::SeqCst);
                let leave = script.leave.acquire().await.expect("never closed");
                leave.forget();
                if script.refuses.load(Ordering::SeqCst) {
                    let fault = Fault::transient(AUTHENTICATION_FAILED, format!("no {number}"));
                    return Err(CredentialsError::provider_error(fault));
                }
                let end = SystemTime::from(later(script.clock.wall(), HOUR));
                Ok(Credentials::new(
                    format!("id-{number}"),
                    "secret",
                    None,
                    Some(end),
                    "script",
                ))
            })
        }
    }

    fn origin(source: SharedCredentialsProvider, base: Option<Arc<Cached>>) -> Origin {
        Origin {
            source,
            base,
            pace: Pace::default(),
            asks: None,
        }
    }

    fn stage() -> (Clock, Arc<Script>, Arc<Cached>) {
        let clock = Clock::system();
        let script = Arc::new(Script {
            clock: clock.clone(),
            asked: AtomicUsize::new(0),
            refuses: false.into(),
            leave: Semaphore::new(1000),
        });
        let source = SharedCredentialsProvider::new(Shared(script.clone()));
        let cached = Arc::new(Cached::new(clock.clone(), HOUR, origin(source, None)));
        (clock, script, cached)
    }

    async fn id(cached: &Arc<Cached>) -> String {
        let got = cached.get().await.expect("credentials");
        got.access_key_id().to_owned()
    }

    /// Waits until the renewal of this number has ended.
    async fn landed(cached: &Cached, number: u64) {
        while cached.landed.load(Ordering::Acquire) < number {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn they_are_kept_and_renewed_before_they_end() {
        let (clock, _, cached) = stage();
        assert_eq!(id(&cached).await, "id-0");
        clock.advance(49 * MINUTE);
        assert_eq!(
            id(&cached).await,
            "id-0",
            "more than twice the lead is left"
        );
        clock.advance(6 * MINUTE);
        assert_eq!(id(&cached).await, "id-0", "less than the lead is left");
        landed(&cached, 2).await;
        assert_eq!(id(&cached).await, "id-1");
    }

    #[tokio::test]
    async fn a_renewal_that_fails_leaves_the_old_ones_until_they_end() {
        let (clock, script, cached) = stage();
        id(&cached).await;
        script.refuses.store(true, Ordering::SeqCst);
        clock.advance(56 * MINUTE);
        assert_eq!(id(&cached).await, "id-0");
        landed(&cached, 2).await;
        assert_eq!(id(&cached).await, "id-0");
        assert!(cached.flight.try_lock().is_ok(), "not at once again");
        clock.advance(2 * RETRY);
        assert_eq!(id(&cached).await, "id-0");
        landed(&cached, 3).await;
        clock.advance(3 * MINUTE);
        let fault = cached.get().await.expect_err("they have ended");
        assert_eq!(fault.message, "no 3");
        script.refuses.store(false, Ordering::SeqCst);
        assert_eq!(id(&cached).await, "id-4");
    }

    #[tokio::test]
    async fn one_renewal_is_in_flight_and_everybody_goes_on_with_the_old_ones() {
        let (clock, script, cached) = stage();
        id(&cached).await;
        clock.advance(56 * MINUTE);
        script.leave.forget_permits(1000);
        for _ in 0..10 {
            assert_eq!(poll!(pin!(id(&cached))), Poll::Ready("id-0".to_owned()));
            tokio::task::yield_now().await;
        }
        assert_eq!(script.asked.load(Ordering::SeqCst), 2);
        script.leave.add_permits(1000);
        landed(&cached, 2).await;
        assert_eq!(id(&cached).await, "id-1");
    }

    #[tokio::test]
    async fn a_source_that_hangs_costs_nothing_that_works_and_is_told_in_the_end() {
        let (clock, script, base) = stage();
        let source = SharedCredentialsProvider::new(Renewed(base.clone()));
        // Its own patience would be over first, and say nothing of the base.
        let cached = Arc::new(Cached::new(
            clock.clone(),
            MINUTE,
            origin(source, Some(base)),
        ));
        script.leave.forget_permits(1000);
        // Whoever is cut short leaves behind what he waited for.
        assert!(poll!(pin!(cached.get())).is_pending());
        script.leave.add_permits(1);
        landed(&cached, 1).await;
        assert_eq!(id(&cached).await, "id-0");

        // Nobody answers any more, until the last ones have ended.
        clock.advance(56 * MINUTE);
        assert_eq!(poll!(pin!(id(&cached))), Poll::Ready("id-0".to_owned()));
        while script.asked.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        clock.advance(5 * MINUTE);
        let mut waiting = pin!(cached.get());
        assert!(poll!(&mut waiting).is_pending(), "nothing else is left");
        // He has come as far as the base once the single-threaded runtime has gone round.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        clock.advance(HOUR);
        let fault = waiting.await.expect_err("it is given up");
        assert_eq!(fault, late(HOUR), "the base was, which has an hour");
    }

    #[tokio::test]
    async fn who_waits_for_the_first_shares_it_good_or_bad() {
        for refuses in [false, true] {
            let (_, script, cached) = stage();
            script.refuses.store(refuses, Ordering::SeqCst);
            script.leave.forget_permits(1000);
            let waiters: Vec<_> = (0..10)
                .map(|_| {
                    let cached = cached.clone();
                    tokio::spawn(async move { cached.get().await.map(drop) })
                })
                .collect();
            // All have looked once the single-threaded runtime has gone round.
            while script.asked.load(Ordering::SeqCst) < 1 {
                tokio::task::yield_now().await;
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            script.leave.add_permits(1000);
            for waiter in waiters {
                assert_eq!(waiter.await.unwrap().is_err(), refuses);
            }
            assert_eq!(script.asked.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test]
    async fn what_was_forgotten_is_asked_for_anew_down_to_the_base() {
        let (clock, script, base) = stage();
        let source = SharedCredentialsProvider::new(Renewed(base.clone()));
        let cached = Arc::new(Cached::new(clock.clone(), HOUR, origin(source, Some(base))));
        assert_eq!(id(&cached).await, "id-0");
        clock.advance(SETTLED);
        assert_eq!(id(&cached).await, "id-0");
        cached.forget();
        assert_eq!(id(&cached).await, "id-1");
        cached.forget();
        assert_eq!(id(&cached).await, "id-1", "somebody else was told, too");
        assert_eq!(script.asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn short_lives_are_renewed_at_half_of_them() {
        let now = Timestamp::constant(1_000_000, 0);
        let end = SystemTime::from(later(now, 8 * MINUTE));
        let credentials = Credentials::new("id", "secret", None, Some(end), "test");
        let held = Held::new(credentials, now, 1.0);
        assert_eq!(held.renew, later(now, 4 * MINUTE));
        assert!(matches!(held.look(now), Look::Fresh(_)));
        assert!(matches!(held.look(later(now, 5 * MINUTE)), Look::Due(_)));
        assert!(matches!(held.look(later(now, 8 * MINUTE)), Look::Ended));
    }
}
