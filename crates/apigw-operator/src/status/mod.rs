//! Passes that tell how far each object has come. They change nothing but its status: what gateways get is
//! decided by the [plan](crate::plan).

mod gateways;
mod judge;
mod passes;

use std::{collections::HashMap, marker::PhantomData, sync::Arc, time::Duration};

use crd_types::lifecycle::HasLifecycle;
use operator_core::{
    cluster::{
        cache::{Cache, Change, Whole},
        conditions::{READY, said, set},
    },
    decide::{
        clock::{Clock, Moment},
        key::ObjectKey,
        outcome::{Outcome, PassResult},
    },
    engines::controller::{Pass, Reconciler},
};
use parking_lot::Mutex;

use self::judge::{Found, Said, Stored, judge};
pub use self::passes::Passes;
use crate::{
    conditions::{ACCEPTED, PROGRAMMED, RESOLVED_REFS},
    gateways::GatewayBoard,
    kinds::{Delivered, edition},
    metrics::Metrics,
    plan::{Planner, Verdict, What},
    snapshot::ItemId,
};

/// How long a pass waits for the plan that holds what it is about.
const PLANNED: Duration = Duration::from_secs(2);

/// Tells how far the objects of one kind have come.
pub struct Statuses<K> {
    planner: Arc<Planner>,
    board: Arc<GatewayBoard>,
    metrics: Metrics,
    clock: Clock,
    told: Arc<Told>,
    kind: PhantomData<fn() -> K>,
}

/// What this process remembers of the status of each object.
type Told = Mutex<HashMap<ObjectKey, Remembered>>;

/// Of which wish a status tells, as `Verdict` names it, and when its progress was told last.
struct Remembered {
    asked: Arc<str>,
    edition: Arc<str>,
    at: Option<Moment>,
}

impl Remembered {
    fn of(verdict: &Verdict, at: Option<Moment>) -> Self {
        Self {
            asked: verdict.asked.clone(),
            edition: verdict.edition.clone(),
            at,
        }
    }
}

impl<K: Delivered> Statuses<K> {
    /// Those in `cache`, planned by `planner`, whose way is on `board`.
    pub fn new(
        cache: &Cache<Whole<K>>,
        planner: &Arc<Planner>,
        board: &Arc<GatewayBoard>,
        metrics: &Metrics,
        clock: &Clock,
    ) -> Self {
        let told = Arc::<Told>::default();
        let kept = told.clone();
        cache.observe(Box::new(move |key, change| {
            if let Change::Deleted(_) = change {
                kept.lock().remove(key);
            }
        }));
        Self {
            planner: planner.clone(),
            board: board.clone(),
            metrics: metrics.clone(),
            clock: clock.clone(),
            told,
            kind: PhantomData,
        }
    }

    /// What became of the edition that `object` is; none if the plan speaks of another one.
    async fn verdict(&self, id: &ItemId, object: &K) -> Option<Verdict> {
        let edition = edition(object);
        let mut plans = self.planner.watch();
        let planned = async {
            loop {
                let plan = plans.borrow_and_update().clone();
                let verdict = plan.as_ref().and_then(|plan| plan.verdict(id));
                if let Some(verdict) = verdict.filter(|known| *known.asked == *edition) {
                    return Some(verdict.clone());
                }
                plans.changed().await.ok()?;
            }
        };
        let deadline = self.clock.now() + PLANNED;
        self.clock.until(deadline, planned).await.flatten()
    }

    /// Takes off what earlier operators left. Gateways lose a deleted object by the plan, which has it no more.
    async fn let_go(&self, pass: &mut Pass<K>) -> PassResult {
        let earlier = || [K::EARLIER_FINALIZER].into_iter();
        if pass.holds(earlier()) {
            pass.let_go(earlier()).await?;
            self.metrics.finalizer_removed(K::KIND);
        }
        Ok(Outcome::Released)
    }

    /// What the status of `object` says of the wish that the verdict is on. What it says of another text than the
    /// present one counts for nothing.
    fn stored<'a>(&self, object: &'a K, verdict: &Verdict) -> Stored<'a> {
        let mut told = self.told.lock();
        let key = ObjectKey::of(object);
        match told.get(&key) {
            Some(known) if known.edition == verdict.edition => stored(object, known.at),
            Some(known) if known.asked == verdict.asked => Stored::Nothing,
            _ => {
                // A status does not name the text: which one it was found to tell of has to be remembered.
                if verdict.edition != verdict.asked {
                    told.insert(key, Remembered::of(verdict, None));
                }
                stored(object, None)
            }
        }
    }
}

impl<K: Delivered> Reconciler for Statuses<K> {
    type Kind = K;

    fn lane(_: &K) -> Arc<str> {
        Arc::from(K::NOUN)
    }

    async fn reconcile(&self, pass: &mut Pass<K>) -> PassResult {
        let object = pass.object();
        let key = ObjectKey::of(&*object);
        if object.meta().deletion_timestamp.is_some() {
            return self.let_go(pass).await;
        }
        let id = ItemId::new(K::KIND, key.clone());
        let Some(verdict) = self.verdict(&id, &object).await else {
            return Ok(Outcome::Superseded);
        };
        let now = self.clock.now();
        let standing = match verdict.what {
            What::Sent(digest) => self.board.standing(&id, digest, now),
            What::Invalid(_) | What::LeftOut(_) => Default::default(),
        };
        let found = Found {
            noun: K::NOUN,
            what: &verdict.what,
            since: verdict.since,
            standing,
            told: self.board.told(),
            stored: self.stored(&object, &verdict),
        };
        let judgement = judge(found, now);
        if let Ok(Outcome::Superseded | Outcome::Undecided { .. }) = judgement.result {
            return judgement.result;
        }
        let wall = self.clock.wall();
        if judgement.lists_anew {
            let have = match verdict.what {
                What::Sent(digest) => self.board.holders(&id, digest),
                What::Invalid(_) | What::LeftOut(_) => Vec::new(),
            };
            let same_edition = found.stored != Stored::Nothing;
            let listed = K::gateways(&mut pass.status);
            gateways::list(listed, &have, standing.connected, same_edition, wall);
            let told = Remembered::of(&verdict, Some(now));
            self.told.lock().insert(key, told);
        }
        let generation = object.meta().generation;
        let lifecycle = pass.status.lifecycle_mut();
        let mut show = |kind, it: &Said| {
            let condition = said(kind, it.holds, it.reason, &it.message, generation, wall);
            set(lifecycle, condition);
        };
        show(ACCEPTED, &judgement.accepted);
        if let Some(programmed) = &judgement.programmed {
            show(PROGRAMMED, programmed);
        }
        if let Some(references) = &verdict.references {
            let (holds, reason) = (references.resolved(), references.reason());
            let message = references.to_string();
            let resolved = said(RESOLVED_REFS, holds, reason, &message, generation, wall);
            set(pass.status.lifecycle_mut(), resolved);
        }
        object.show(&mut pass.status);
        judgement.result
    }
}

/// What the status says of the edition that `object` is.
fn stored<K: Delivered>(object: &K, at: Option<Moment>) -> Stored<'_> {
    let Some(lifecycle) = object.status().map(HasLifecycle::lifecycle) else {
        return Stored::Nothing;
    };
    if lifecycle.observed_generation != object.meta().generation {
        return Stored::Nothing;
    }
    let Some(ready) = lifecycle.condition(READY) else {
        return Stored::Nothing;
    };
    let (reason, message) = (&*ready.reason, &*ready.message);
    match lifecycle.ready {
        true => Stored::InForce { message },
        false => Stored::NotInForce {
            reason,
            message,
            at,
        },
    }
}
