//! How often AWS is called for a provider: each service has a budget, which the namespaces that use the provider
//! have by turns. AWS throttles by account and service, so no provider slows another one down.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use operator_core::{
    cluster::turns::Turns,
    decide::{budget::Limits, clock::Clock},
};
use parking_lot::Mutex;

use super::fault::Call;

/// All budgets there are, under limits that hold for each of them. A clone is the same.
#[derive(Clone, Debug)]
pub struct Paces(Arc<Mutex<Given>>);

#[derive(Debug)]
struct Given {
    limits: Option<Limits>,
    clock: Clock,
    paces: Vec<Weak<Services>>,
}

/// The budgets of one provider, without limits by default. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Pace(Option<Arc<Services>>);

#[derive(Debug)]
struct Services {
    clock: Clock,
    budgets: Mutex<Budgets>,
}

#[derive(Debug)]
struct Budgets {
    limits: Option<Limits>,
    turns: BTreeMap<&'static str, Turns>,
}

impl Paces {
    /// No more calls of any one service within one budget than `limits` allow; without limits, as many as there are.
    pub fn new(limits: Option<Limits>, clock: Clock) -> Self {
        Self(Arc::new(Mutex::new(Given {
            limits,
            clock,
            paces: Vec::new(),
        })))
    }

    /// Budgets that nobody else has.
    pub fn pace(&self) -> Pace {
        let mut given = self.0.lock();
        let services = Arc::new(Services {
            clock: given.clock.clone(),
            budgets: Mutex::new(Budgets {
                limits: given.limits,
                turns: BTreeMap::new(),
            }),
        });
        given.paces.retain(|pace| pace.strong_count() > 0);
        given.paces.push(Arc::downgrade(&services));
        Pace(Some(services))
    }

    /// From now on these limits hold, or none, for those who wait, too.
    pub fn adjust(&self, limits: Option<Limits>) {
        let mut given = self.0.lock();
        given.limits = limits;
        for services in given.paces.iter().filter_map(Weak::upgrade) {
            services.adjust(limits);
        }
    }
}

impl Pace {
    /// Waits until `call` may be made for `namespace`. Dropping the future leaves the line.
    pub(super) async fn turn(&self, call: Call, namespace: &Arc<str>) {
        if let Some(services) = &self.0 {
            services.of(call.service()).next(namespace).await;
        }
    }
}

impl Services {
    fn of(&self, service: &'static str) -> Turns {
        let mut budgets = self.budgets.lock();
        let limits = budgets.limits;
        let begin = || Turns::within(limits, self.clock.clone());
        budgets.turns.entry(service).or_insert_with(begin).clone()
    }

    fn adjust(&self, limits: Option<Limits>) {
        let mut budgets = self.budgets.lock();
        budgets.limits = limits;
        for turns in budgets.turns.values() {
            turns.adjust(limits);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, pin::pin, time::Duration};

    use futures::poll;

    use super::*;

    #[tokio::test]
    async fn a_service_that_is_waited_for_holds_up_no_other() {
        let clock = Clock::system();
        let hourly = Limits {
            interval: Duration::from_secs(3600),
            burst: NonZeroU32::MIN,
        };
        let paces = Paces::new(Some(hourly), clock.clone());
        let (pace, other) = (paces.pace(), paces.pace());
        let [a, b]: [Arc<str>; 2] = ["a", "b"].map(Into::into);
        let s3 = Call::read("s3:ListBucket");
        let sqs = Call::write("sqs:CreateQueue");
        pace.turn(s3, &a).await;
        let mut waits = pin!(pace.turn(s3, &b));
        assert!(poll!(&mut waits).is_pending());
        assert!(poll!(pin!(pace.turn(sqs, &a))).is_ready());
        assert!(poll!(pin!(other.turn(s3, &a))).is_ready());
        clock.advance(hourly.interval);
        assert!(poll!(&mut waits).is_ready());
        let free = Paces::new(None, clock).pace();
        for _ in 0..1000 {
            assert!(poll!(pin!(free.turn(s3, &a))).is_ready());
        }
    }

    #[tokio::test]
    async fn other_limits_hold_for_those_who_wait_and_those_who_come() {
        let clock = Clock::system();
        let limits = |seconds| Limits {
            interval: Duration::from_secs(seconds),
            burst: NonZeroU32::MIN,
        };
        let paces = Paces::new(Some(limits(3600)), clock.clone());
        let (pace, a) = (paces.pace(), Arc::from("a"));
        let s3 = Call::read("s3:ListBucket");
        pace.turn(s3, &a).await;
        let mut waits = pin!(pace.turn(s3, &a));
        assert!(poll!(&mut waits).is_pending());
        paces.adjust(Some(limits(10)));
        clock.advance(Duration::from_secs(10));
        assert!(poll!(&mut waits).is_ready());

        paces.adjust(None);
        let sqs = Call::write("sqs:CreateQueue");
        for call in [s3, sqs] {
            for pace in [&pace, &paces.pace()] {
                assert!(poll!(pin!(pace.turn(call, &a))).is_ready());
                assert!(poll!(pin!(pace.turn(call, &a))).is_ready());
            }
        }
    }
}
