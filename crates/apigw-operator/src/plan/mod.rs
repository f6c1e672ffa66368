//! From what users wish to what every gateway must have: kept from the watches, compiled by
//! [`compile`](mod@crate::compile), and read by sessions and passes.

mod verdict;
mod wish;

use std::{collections::BTreeMap, sync::Arc};

use operator_core::{
    cluster::cache::{Cache, Change, Whole},
    decide::{clock::Clock, key::ObjectKey},
    engines::{
        fanout::{Refusal, Refusals},
        index::Index,
    },
    process::operator::Synced,
};
use parking_lot::Mutex;
use tokio::sync::watch;

pub use self::verdict::{Plan, Verdict, What};
use self::wish::Wish;
use crate::{
    compile::{LeftOut, compile},
    kinds::Delivered,
    snapshot::{Item, ItemId, Snapshot},
};

/// What is wished, and what it comes to.
pub struct Planner {
    clock: Clock,
    wishes: Mutex<BTreeMap<ItemId, Wish>>,
    refusals: Arc<Refusals<ItemId>>,
    index: Index<Plan>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
}

impl Planner {
    /// A planner that knows of no wish. What `refusals` holds is left out of its plans.
    pub fn new(refusals: Arc<Refusals<ItemId>>, clock: Clock) -> Self {
        Self {
            clock,
            wishes: Mutex::default(),
            refusals,
            index: Index::default(),
            snapshots: watch::Sender::new(None),
        }
    }

    /// Follows the objects of one kind.
    pub fn follow<K: Delivered>(self: &Arc<Self>, cache: &Cache<Whole<K>>) {
        let planner = self.clone();
        cache.observe(Box::new(move |key, change| match change {
            Change::Added(object) | Change::Updated { new: object, .. } => {
                planner.wished(key, &***object);
            }
            Change::Deleted(_) => planner.wished_no_more(ItemId::new(K::KIND, key.clone())),
            Change::Unreadable(_) | Change::UnreadableGone => {}
        }));
    }

    /// The latest plan; none before every cache has synced.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Plan>>> {
        self.index.watch()
    }

    /// The latest plan; none before every cache has synced.
    pub fn current(&self) -> Option<Arc<Plan>> {
        self.index.current()
    }

    /// Follows what every gateway must have. Changes only where that does.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.subscribe()
    }

    /// A gateway refuses this item, in these words. Says whether anybody still wishes it.
    pub fn refused(&self, item: &Item, words: &str) -> bool {
        let edition = {
            let wishes = self.wishes.lock();
            let wish = wishes.get(item.id());
            // An edit may have come meanwhile: that is tried anew.
            wish.filter(|wish| wish.digest() == Some(item.digest()))
                .map(|wish| wish.edition.clone())
        };
        let Some(edition) = edition else { return false };
        let words = Arc::from(words);
        self.refusals.note(item.id(), Refusal { edition, words });
        true
    }

    /// Plans once every cache has synced, and whenever a wish or a refusal changed since. Never ends.
    pub async fn run(&self, synced: Synced) {
        let mut refusals = self.refusals.watch();
        let refused = async {
            while refusals.changed().await.is_ok() {
                self.index.feed();
            }
        };
        let plans = self.index.run(
            synced.wait(),
            || self.plan(self.current().as_deref()),
            |plan| self.publish(plan),
        );
        tokio::join!(refused, plans);
    }

    /// Tells `changed` of everything whose verdict is another than before. Never ends.
    pub async fn tell(&self, changed: impl Fn(&ItemId)) {
        let mut plans = self.index.watch();
        let mut told = None;
        while plans.changed().await.is_ok() {
            let plan = plans.borrow_and_update().clone();
            if let Some(plan) = &plan {
                plan.differences(told.as_deref()).for_each(&changed);
            }
            told = plan;
        }
    }

    /// Whether anything is held out because a gateway refused it.
    pub fn holds_out(&self) -> bool {
        let refused =
            |verdict: &Verdict| matches!(verdict.what, What::LeftOut(LeftOut::Refused { .. }));
        self.current()
            .is_some_and(|plan| plan.verdicts().any(|(_, verdict)| refused(verdict)))
    }

    fn wished<K: Delivered>(&self, key: &ObjectKey, object: &K) {
        let id = ItemId::new(K::KIND, key.clone());
        if object.meta().deletion_timestamp.is_some() {
            return self.wished_no_more(id);
        }
        let mut wishes = self.wishes.lock();
        let known = wishes.get(&id);
        if let Some(wish) = Wish::renewed(known, object, self.clock.now()) {
            wishes.insert(id, wish);
            self.index.feed();
        }
    }

    fn wished_no_more(&self, id: ItemId) {
        if self.wishes.lock().remove(&id).is_some() {
            self.refusals.retain(|refused, _| *refused != id);
            self.index.feed();
        }
    }

    /// The plan that follows the plan `before`.
    fn plan(&self, before: Option<&Plan>) -> Plan {
        let wishes = self.wishes.lock();
        let candidates = wishes
            .values()
            .filter_map(|wish| wish.candidate.as_ref().ok().cloned());
        let compiled = compile(candidates.collect(), |item| {
            let wish = wishes.get(item.id())?;
            let words = self.refusals.words(item.id(), &wish.edition);
            words
                .or_else(|| wish.refused.clone())
                .map(|words| words.to_string())
        });
        Plan::new(&wishes, compiled, before, self.clock.now())
    }

    fn publish(&self, plan: &Plan) {
        self.snapshots.send_if_modified(|current| {
            let before = current.as_ref().map(|snapshot| snapshot.version());
            let news = before != Some(plan.snapshot.version());
            if news {
                *current = Some(plan.snapshot.clone());
            }
            news
        });
    }
}

#[cfg(test)]
mod tests;
