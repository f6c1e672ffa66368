//! How many passes run at once, where that is changed while they do.

use std::{
    future::pending,
    num::NonZeroU16,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use harness::wait::{PATIENCE, until};
use kube::ResourceExt;
use operator_core::{
    cluster::cache::{Cache, Whole},
    decide::{
        clock::Clock,
        outcome::{Outcome, PassResult},
    },
    engines::controller::{Pass, Reconciler},
    process::config::{Followed, Live},
};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::{
    frame::{common, frame_with},
    gadget::{Gadget, WELL},
    stage::Stage,
};

/// Passes that end when they are let.
struct Work {
    /// How many may run at once, as the settings say.
    allowed: AtomicUsize,
    running: AtomicUsize,
    /// Of each pass, as it began: how many ran, itself included, and how many might.
    begun: Mutex<Vec<(usize, usize)>>,
    ends: Semaphore,
}

/// Each gadget in a lane of its own.
struct Works(Arc<Work>);

impl Reconciler for Works {
    type Kind = Gadget;

    fn lane(gadget: &Gadget) -> Arc<str> {
        gadget.name_any().into()
    }

    async fn reconcile(&self, _: &mut Pass<Gadget>) -> PassResult {
        let work = &self.0;
        let running = work.running.fetch_add(1, Ordering::SeqCst) + 1;
        let allowed = work.allowed.load(Ordering::SeqCst);
        work.begun.lock().push((running, allowed));
        work.ends.acquire().await.expect("it stays open").forget();
        work.running.fetch_sub(1, Ordering::SeqCst);
        Ok(Outcome::Done {
            reason: WELL,
            message: "all is well".to_owned(),
        })
    }
}

#[tokio::test]
async fn more_places_are_taken_at_once_and_of_fewer_none_before_enough_is_done() {
    let stage = Stage::new().await;
    for name in ["1", "2", "3", "4", "5", "6"] {
        stage.create(name, 1).await;
    }
    // Nothing is looked at twice.
    let settings = [
        "--max-concurrent-reconciles=2",
        "--reconcile-interval=24h",
        "--reconcile-timeout=1h",
        "--metrics-bind-address=0",
        "--metrics-secure=false",
        "--health-probe-bind-address=0",
    ]
    .map(str::to_owned);
    let mut common = common(&stage, &settings);
    let live = watch::Sender::new(Live {
        log_level: common.log.level,
        max_concurrent_reconciles: common.max_concurrent_reconciles,
        reconcile_interval: common.reconcile_interval,
        reconcile_timeout: common.reconcile_timeout,
        api_writes: common.api_writes,
    });
    let refused = watch::Sender::new(None);
    common.followed = Some(Followed {
        live: live.subscribe(),
        refused: refused.subscribe(),
    });
    let mut operator = frame_with(&stage, &Clock::system(), common);
    let work = Arc::new(Work {
        allowed: AtomicUsize::new(2),
        running: AtomicUsize::new(0),
        begun: Mutex::default(),
        ends: Semaphore::new(0),
    });
    let gadgets: Arc<Cache<Whole<Gadget>>> = operator.cache("gadget");
    operator.controller(&gadgets, Works(work.clone()));

    let metrics = operator.metrics.clone();
    let change = |places: u16| {
        work.allowed.store(places.into(), Ordering::SeqCst);
        let places = NonZeroU16::new(places).expect("not zero");
        live.send_modify(|live| live.max_concurrent_reconciles = places);
    };
    let shown = async |places: u16| {
        let name = r#"controller_runtime_max_concurrent_reconciles{controller="gadget"}"#;
        let line = format!("{name} {places}\n");
        let is_shown = || async { metrics.expose(None).text.contains(&line) };
        until("the metric to follow", PATIENCE, is_shown).await
    };
    let begun = async |count: usize| {
        let have = || async { work.begun.lock().len() == count };
        until("passes to begin", PATIENCE, have).await
    };
    let story = async {
        begun(2).await.unwrap();
        shown(2).await.unwrap();
        change(4);
        begun(4).await.unwrap();
        shown(4).await.unwrap();
        change(1);
        shown(1).await.unwrap();
        work.ends.add_permits(6);
        begun(6).await.unwrap();
    };
    tokio::select! {
        ended = operator.run(pending()) => panic!("it ended: {ended:?}"),
        () = story => {}
    }
    let begun = work.begun.lock().clone();
    assert_eq!(begun, [(1, 2), (2, 2), (3, 4), (4, 4), (1, 1), (1, 1)]);
}
