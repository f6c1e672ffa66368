//! How soon a controller looks again at what is well, and at what only an edit can help.

use std::{sync::Arc, time::Duration};

use harness::wait::{PATIENCE, until};
use operator_core::{
    cluster::{
        cache::{Cache, Scope, Whole},
        election::Leadership,
        events::{Events, Reporter},
        write::{WriteError, Writer},
    },
    decide::{
        clock::Clock,
        outcome::{Fault, Outcome, PassResult},
        queue::{Class, Limits, Queue},
    },
    engines::controller::{Controller, Observer, Pass, Reconciler, Settings, Site, Tempo},
};
use parking_lot::Mutex;
use rstest::rstest;
use tokio::sync::watch;

use crate::{
    gadget::{Gadget, HOPELESS, WELL},
    stage::Stage,
};

const MINUTE: Duration = Duration::from_secs(60);
const CONFIGURED: Duration = Duration::from_secs(3600);

/// Every pass ends like this; a kind that is looked at every `MINUTES` at the latest.
struct Ends<const MINUTES: u32>(fn() -> PassResult);

impl<const MINUTES: u32> Reconciler for Ends<MINUTES> {
    type Kind = Gadget;

    fn lane(_: &Gadget) -> Arc<str> {
        "all".into()
    }

    fn interval(&self, _: &Gadget, configured: Duration) -> Duration {
        configured.min(MINUTE * MINUTES)
    }

    async fn reconcile(&self, _: &mut Pass<Gadget>) -> PassResult {
        (self.0)()
    }
}

/// A kind that says nothing about its interval.
struct Plain;

impl Reconciler for Plain {
    type Kind = Gadget;

    fn lane(_: &Gadget) -> Arc<str> {
        "all".into()
    }

    async fn reconcile(&self, _: &mut Pass<Gadget>) -> PassResult {
        well()
    }
}

struct Nobody;

impl Observer for Nobody {
    fn added(&self, _: Class) {}
    fn started(&self, _: Duration) {}
    fn status_written(&self, _: Result<(), &WriteError>, _: Duration) {}
    fn met(&self, _: &Fault) {}
    fn finished(&self, _: &PassResult, _: Duration) {}
    fn left(&self) {}
}

fn well() -> PassResult {
    Ok(Outcome::Done {
        reason: WELL,
        message: "all is well".to_owned(),
    })
}

fn hopeless() -> PassResult {
    Err(Fault::terminal(HOPELESS, "only an edit can help"))
}

#[rstest]
#[case::as_configured(Plain, CONFIGURED)]
#[case::bounded(Ends::<5>(well), MINUTE * 5)]
#[case::bounded_when_hopeless(Ends::<5>(hopeless), MINUTE * 5)]
#[case::configured_below_the_bound(Ends::<90>(well), CONFIGURED)]
#[tokio::test]
async fn the_next_look_is_at_the_interval_of_the_kind<R: Reconciler<Kind = Gadget>>(
    #[case] reconciler: R,
    #[case] interval: Duration,
) {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    let next = next_look(&stage, reconciler, CONFIGURED).await;
    // Spread by a tenth to either side; some of the time may have passed by now.
    assert!(next <= interval.mul_f64(1.1), "{next:?} of {interval:?}");
    assert!(
        next >= interval.mul_f64(0.9) - MINUTE,
        "{next:?} of {interval:?}"
    );
}

#[tokio::test]
async fn an_interval_that_was_changed_since_the_start_holds() {
    let stage = Stage::new().await;
    stage.create("one", 1).await;
    for reconciler in [Ends::<90>(well), Ends::<90>(hopeless)] {
        let next = next_look(&stage, reconciler, MINUTE * 20).await;
        assert!(next <= MINUTE * 22, "{next:?}");
    }
}

/// After one pass over each gadget, the time until the next; the interval is changed to `now` before.
async fn next_look(
    stage: &Stage,
    reconciler: impl Reconciler<Kind = Gadget>,
    now: Duration,
) -> Duration {
    let clock = Clock::system();
    let cache: Arc<Cache<Whole<Gadget>>> = Arc::new(Cache::new("gadget", clock.clone()));
    let reporter = Reporter {
        controller: "gadget-operator".to_owned(),
        instance: "test".to_owned(),
    };
    // Events go nowhere.
    let (events, _) = Events::new(stage.client.clone(), clock.clone(), reporter);
    let limits = Limits {
        running: 1,
        running_per_lane: 1,
        ageing: MINUTE,
    };
    let queue = Arc::new(Mutex::new(Queue::new(limits)));
    let site = Arc::new(Site {
        writer: Writer::new(stage.client.clone(), "gadget-operator"),
        cache: cache.clone(),
        events,
        clock: clock.clone(),
    });
    let tempo = Tempo {
        timeout: PATIENCE,
        interval: CONFIGURED,
    };
    let tempo = watch::Sender::new(tempo);
    let settings = Settings {
        name: "gadget",
        tempo: tempo.subscribe(),
    };
    let controller = Controller::new(reconciler, site, settings, queue.clone(), Nobody);
    tempo.send_modify(|tempo| tempo.interval = now);
    let scope = Scope::Namespaces([stage.namespace.name().to_owned()].into());
    let (_stop, stopped) = watch::channel(false);
    let work = async {
        cache.wait_synced().await;
        controller
            .run(Leadership::always(clock.clone()), stopped)
            .await;
    };
    let looked = until("a look to be planned", PATIENCE, || async {
        queue.lock().wake_at().is_some()
    });
    tokio::select! {
        () = cache.run(stage.client.clone(), scope) => unreachable!("a cache never ends"),
        () = work => unreachable!("nobody stops it"),
        looked = looked => looked.unwrap(),
    }
    let next = queue.lock().wake_at().expect("it was just there");
    next.since(clock.now())
}
