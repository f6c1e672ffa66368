//! From what users wish to what every gateway must have: kept from the watches, compiled by
//! [`compile`](mod@crate::compile), and read by sessions and passes.

mod targets;
mod verdict;
mod wish;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crd_types::apigw::v1alpha1::APIRoute;
use kube::Client;
use operator_core::{
    cluster::{
        cache::{Cache, Change, Whole},
        config_maps::{ConfigTexts, NamespaceState, NoText},
    },
    decide::{clock::Clock, key::ObjectKey},
    engines::{
        fanout::{Contents, Refusal, Refusals},
        index::Index,
    },
    process::operator::Synced,
};
use parking_lot::Mutex;
use tokio::sync::watch;

use self::{
    targets::Known,
    wish::{Told, Wish, Wishes},
};
pub use self::{
    targets::ServiceNames,
    verdict::{Plan, Verdict, What},
};
use crate::{
    compile::{LeftOut, compile},
    kinds::Delivered,
    snapshot::{Item, ItemId, Kind, Snapshot},
};

/// What is wished, and what it comes to.
pub struct Planner {
    clock: Clock,
    wishes: Mutex<Wishes>,
    /// Held while a wish is made of what is there: an older one never replaces a newer.
    turn: Mutex<()>,
    texts: OnceLock<ConfigTexts>,
    routes: Arc<Cache<Whole<APIRoute>>>,
    services: Arc<Cache<ServiceNames>>,
    refusals: Arc<Refusals<ItemId>>,
    index: Index<Plan>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    outdated: AtomicU64,
    earlier_fields: AtomicU64,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Routes that were taken anew because a ConfigMap had changed.
    pub outdated: u64,
    /// Fields of routes that were moved from where earlier gateways looked for them.
    pub earlier_fields: u64,
}

impl Planner {
    /// A planner that knows of no wish. What `refusals` holds is left out of its plans; `routes` may refer to
    /// `services`.
    pub fn new(
        refusals: Arc<Refusals<ItemId>>,
        routes: Arc<Cache<Whole<APIRoute>>>,
        services: Arc<Cache<ServiceNames>>,
        clock: Clock,
    ) -> Arc<Self> {
        let planner = Arc::new(Self {
            wishes: Mutex::default(),
            turn: Mutex::default(),
            texts: OnceLock::new(),
            index: Index::default(),
            snapshots: watch::Sender::new(None),
            outdated: AtomicU64::default(),
            earlier_fields: AtomicU64::default(),
            refusals,
            routes,
            services,
            clock,
        });
        let fed = Arc::downgrade(&planner);
        planner.services.observe(Box::new(move |_, change| {
            let another = !matches!(change, Change::Updated { .. });
            if let Some(planner) = fed.upgrade().filter(|_| another) {
                planner.index.feed();
            }
        }));
        planner
    }

    /// From now on reads the texts in ConfigMaps that routes refer to; before, such routes are not planned.
    pub fn read_texts(self: &Arc<Self>, client: Client) {
        let reader = Arc::downgrade(self);
        let texts = ConfigTexts::new(client, self.clock.clone(), move |_, routes| {
            if let Some(planner) = reader.upgrade() {
                planner
                    .outdated
                    .fetch_add(routes.len() as u64, Ordering::Relaxed);
                routes.iter().for_each(|route| planner.reread(route));
            }
        });
        // Set before: then those go on to be read.
        let _ = self.texts.set(texts);
    }

    /// Follows the objects of one kind.
    pub fn follow<K: Delivered>(self: &Arc<Self>, cache: &Arc<Cache<Whole<K>>>) {
        let planner = Arc::downgrade(self);
        cache.observe(Box::new(move |key, change| {
            let Some(planner) = planner.upgrade() else {
                return;
            };
            let _in_turn = planner.turn.lock();
            match change {
                Change::Added(object) | Change::Updated { new: object, .. } => {
                    planner.wished(key, object);
                }
                Change::Deleted(_) => planner.wished_no_more::<K>(key),
                Change::Unreadable(_) | Change::UnreadableGone => {}
            }
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
            self.complete(synced),
            || self.plan(self.current().as_deref()),
            |plan| self.publish(plan),
        );
        tokio::join!(refused, plans);
    }

    /// Waits until everything is known that a plan rests on.
    async fn complete(&self, synced: Synced) {
        synced.wait().await;
        if let Some(texts) = self.texts.get() {
            texts.wait_settled().await;
        }
        for (key, route) in self.routes.objects() {
            if route.config_maps().is_some_and(|named| !named.is_empty()) {
                self.reread(&key);
            }
        }
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

    /// What every gateway had, as the statuses of objects tell: what is left of an earlier process's knowledge.
    pub fn told_in_force(&self) -> Contents<ItemId> {
        let wishes = self.wishes.lock();
        let told = wishes.values().filter(|wish| wish.told == Told::InForce);
        let candidates = told.filter_map(|wish| wish.candidate.as_ref().ok());
        Contents::new(candidates.map(|candidate| candidate.item.entry().clone()))
    }

    /// Whether anything is held out because a gateway refused it.
    pub fn holds_out(&self) -> bool {
        let refused =
            |verdict: &Verdict| matches!(verdict.what, What::LeftOut(LeftOut::Refused { .. }));
        self.current()
            .is_some_and(|plan| plan.verdicts().any(|(_, verdict)| refused(verdict)))
    }

    /// How the ConfigMaps that routes refer to are followed, by their namespaces.
    pub fn config_maps(&self) -> BTreeMap<String, NamespaceState> {
        self.texts.get().map(ConfigTexts::state).unwrap_or_default()
    }

    /// What was counted since the start.
    pub fn counts(&self) -> Counts {
        Counts {
            outdated: self.outdated.load(Ordering::Relaxed),
            earlier_fields: self.earlier_fields.load(Ordering::Relaxed),
        }
    }

    fn wished<K: Delivered>(&self, key: &ObjectKey, object: &Arc<K>) {
        if object.meta().deletion_timestamp.is_some() {
            return self.wished_no_more::<K>(key);
        }
        let id = ItemId::new(K::KIND, key.clone());
        if let Some(wish) = self.wishes.lock().get_mut(&id)
            && wish.is(&**object)
        {
            let told = Told::of(&**object);
            if wish.told.refusal() != told.refusal() {
                self.index.feed();
            }
            wish.told = told;
            return;
        }
        if let Some((texts, named)) = self.texts.get().zip(object.config_maps()) {
            texts.track(key, named);
        }
        // Without a text that is yet to be looked up, what was wished before stays.
        if let Some(wish) = Wish::of(object, &|map, key| self.text(map, key), self.clock.now()) {
            let edition = wish.edition.clone();
            self.take(id.clone(), wish);
            // What was refused of an earlier edition is over, even if that comes back.
            self.refusals
                .retain(|refused, of| *refused != id || *of == *edition);
        }
    }

    fn take(&self, id: ItemId, wish: Wish) {
        if let Ok(candidate) = &wish.candidate {
            self.earlier_fields
                .fetch_add(candidate.earlier_fields, Ordering::Relaxed);
        }
        self.wishes.lock().insert(id, Box::new(wish));
        self.index.feed();
    }

    /// Takes a route anew, as a text that it refers to has become another.
    fn reread(&self, key: &ObjectKey) {
        let _in_turn = self.turn.lock();
        let Some(route) = self.routes.get(key) else {
            return;
        };
        let wish = Wish::of(&route, &|map, key| self.text(map, key), self.clock.now());
        if let Some(wish) = wish.filter(|_| route.metadata.deletion_timestamp.is_none()) {
            let id = ItemId::new(Kind::ApiRoute, key.clone());
            self.take(id, wish);
        }
    }

    fn text(&self, config_map: &ObjectKey, key: Option<&str>) -> Result<Arc<str>, NoText> {
        let unknown = || NoText::Unknown {
            config_map: config_map.clone(),
        };
        let texts = self.texts.get().ok_or_else(unknown)?;
        texts.text(config_map, key)
    }

    fn wished_no_more<K: Delivered>(&self, key: &ObjectKey) {
        let id = ItemId::new(K::KIND, key.clone());
        if K::KIND == Kind::ApiRoute
            && let Some(texts) = self.texts.get()
        {
            texts.track(key, BTreeSet::new());
        }
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
                .or_else(|| wish.told.refusal().cloned())
                .map(|words| words.to_string())
        });
        let targets = Known::of(&wishes, &compiled.snapshot, &self.services);
        Plan::new(&wishes, &targets, compiled, before, self.clock.now())
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
