//! How often AWS is called for a provider: each service has a budget, which the namespaces that use the provider
//! have by turns. AWS throttles by account and service, so no provider slows another one down.

use std::{collections::BTreeMap, sync::Arc};

use operator_core::{
    cluster::turns::Turns,
    decide::{budget::Limits, clock::Clock},
};
use parking_lot::Mutex;

use super::fault::Call;

/// The budgets of one provider. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Pace(Option<Arc<Services>>);

#[derive(Debug)]
struct Services {
    limits: Limits,
    clock: Clock,
    turns: Mutex<BTreeMap<&'static str, Turns>>,
}

impl Pace {
    /// No more calls of any one service than `limits` allow; without limits, as many as there are.
    pub fn new(limits: Option<Limits>, clock: &Clock) -> Self {
        let services = limits.map(|limits| Services {
            limits,
            clock: clock.clone(),
            turns: Mutex::default(),
        });
        Self(services.map(Arc::new))
    }

    /// Waits until `call` may be made for `namespace`. Dropping the future leaves the line.
    pub(super) async fn turn(&self, call: Call, namespace: &Arc<str>) {
        if let Some(services) = &self.0 {
            services.of(call.service()).next(namespace).await;
        }
    }
}

impl Services {
    fn of(&self, service: &'static str) -> Turns {
        let begin = || Turns::new(self.limits, self.clock.clone());
        let mut turns = self.turns.lock();
        turns.entry(service).or_insert_with(begin).clone()
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
        let (pace, other) = (
            Pace::new(Some(hourly), &clock),
            Pace::new(Some(hourly), &clock),
        );
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
        let free = Pace::new(None, &clock);
        for _ in 0..1000 {
            assert!(poll!(pin!(free.turn(s3, &a))).is_ready());
        }
    }
}
