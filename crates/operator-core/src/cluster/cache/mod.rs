//! What is known of the objects of one kind: one watch, one map, and whoever wants to hear of changes.
//!
//! kube's own shared streams lose deletions and can stop for good; this cache is fed by kube's `watcher`
//! alone and does the rest itself. A pass reads the cache and nothing else; after a write it hands the
//! answer back with [`Cache::confirm`], so that no pass ever runs on a state older than our own last write.

mod ask;
mod follow;
mod health;
mod missing;
mod packed;
mod store;
mod streamed;

use std::{collections::BTreeSet, fmt, marker::PhantomData, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, Resource};
use parking_lot::{Mutex, RwLock};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

pub use self::{follow::WATCH_SECONDS, health::CacheState};
use self::{
    health::Health,
    packed::Keeping,
    store::{Effect, Store},
};
use super::version::Version;
use crate::decide::{clock::Clock, key::ObjectKey};

/// What of an object is kept.
pub trait Projection: 'static {
    /// The object as it is watched; `PartialObjectMeta<K>` to fetch metadata alone.
    type Object: Resource<DynamicType = ()>
        + DeserializeOwned
        + Clone
        + fmt::Debug
        + Send
        + Sync
        + 'static;
    /// What is kept of it.
    type Stored: Send + Sync + 'static;

    /// Whether managed fields are still there when [`project`](Self::project) takes what is kept.
    const MANAGED_FIELDS: bool = false;

    /// Takes what is kept. The last applied configuration is gone already, and so are managed fields, unless they
    /// are [wanted](Self::MANAGED_FIELDS).
    fn project(object: Self::Object) -> Self::Stored;
}

/// Keeps the object itself.
pub struct Whole<K>(PhantomData<fn() -> K>);

impl<K> Projection for Whole<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static,
{
    type Object = K;
    type Stored = K;

    fn project(object: K) -> K {
        // Lists grew as they were read, and have room to spare; a clone's have none.
        object.clone()
    }
}

/// Which objects are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of every namespace, or all of a cluster-scoped kind.
    All,
    /// Those of these namespaces: one watch each, so that a `Role` in each suffices.
    Namespaces(BTreeSet<String>),
}

/// What happened to an object. For every key, additions and deletions alternate.
#[derive(Debug)]
pub enum Change<'a, S> {
    /// It is in the cache now: created, first seen, or readable again.
    Added(&'a Arc<S>),
    /// It changed.
    Updated {
        /// As it was kept.
        old: &'a Arc<S>,
        /// As it is kept now.
        new: &'a Arc<S>,
    },
    /// It is in the cache no longer: deleted, or unreadable (which follows then).
    Deleted(&'a Arc<S>),
    /// It is there but was written under a schema that this version cannot read; told once a state.
    Unreadable(&'a Unreadable),
    /// It could not be read, and is there no longer.
    UnreadableGone,
}

/// An object that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its UID.
    pub uid: Arc<str>,
    /// Its generation.
    pub generation: Option<i64>,
    /// What is wrong with it, naming the field.
    pub error: String,
    /// The finalizers that keep it, if it is being deleted.
    pub held_by: Vec<String>,
}

type Observer<S> = Box<dyn for<'a> Fn(&ObjectKey, &Change<'a, S>) + Send + Sync>;

/// The objects of one kind.
pub struct Cache<P: Projection> {
    name: &'static str,
    clock: Clock,
    keeping: Keeping<P::Stored>,
    store: RwLock<Store<P::Stored>>,
    /// Held while a change is made and told, so that every observer hears changes in their order.
    observers: Mutex<Vec<Observer<P::Stored>>>,
    synced: watch::Sender<bool>,
    health: Mutex<Health>,
}

impl<P: Projection> Cache<P> {
    /// An empty cache. `name` is the kind in lower case, as logs and metrics call it.
    pub fn new(name: &'static str, clock: Clock) -> Self {
        Self::keeping(Keeping::WHOLE, name, clock)
    }

    /// As [`new`](Self::new), for objects of which there may be thousands and that are seldom asked for: they lie
    /// packed. [`get`](Self::get) makes one whole, which takes some microseconds, each time.
    pub fn packed(name: &'static str, clock: Clock) -> Self
    where
        P::Stored: Serialize + DeserializeOwned,
    {
        Self::keeping(Keeping::PACKED, name, clock)
    }

    fn keeping(keeping: Keeping<P::Stored>, name: &'static str, clock: Clock) -> Self {
        Self {
            name,
            clock,
            keeping,
            store: RwLock::default(),
            observers: Mutex::default(),
            synced: watch::Sender::new(false),
            health: Mutex::default(),
        }
    }

    /// The kind in lower case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Registers who hears of every change from now on; to be called before [`run`](Self::run). It is called
    /// in the order of the changes, must not block, and may read this cache but not write to it.
    pub fn observe(&self, observer: Observer<P::Stored>) {
        self.observers.lock().push(observer);
    }

    /// Keeps the cache up to date, for as long as the future is polled. Errors are logged and counted and
    /// never end it. To be run once.
    pub async fn run(&self, client: Client, scope: Scope) {
        let client = streamed::newest(&client);
        match scope {
            Scope::All => follow::follow(self, &client, None, || self.mark_synced()).await,
            Scope::Namespaces(namespaces) => follow::follow_each(self, &client, &namespaces).await,
        }
    }

    /// The object of this name.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<P::Stored>> {
        self.store.read().get(key)
    }

    /// The names of all objects, in no order.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.store.read().keys().cloned().collect()
    }

    /// Every object, in no order, as it is when its turn comes; those that are gone by then are left out.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectKey, Arc<P::Stored>)> {
        let keys = self.keys().into_iter();
        keys.filter_map(|key| Some((key.clone(), self.get(&key)?)))
    }

    /// How many objects are kept.
    pub fn len(&self) -> usize {
        self.store.read().len()
    }

    /// Whether the object of this name is the one of this UID.
    pub fn has(&self, key: &ObjectKey, uid: &str) -> bool {
        let store = self.store.read();
        store.uid(key).is_some_and(|known| **known == *uid)
    }

    /// Whether no object is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every object was listed once, or there can be none as the kind is not defined. Stays true through later
    /// failures of the watch.
    pub fn synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits until every object was listed once, or there can be none.
    pub async fn wait_synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives in `self`: an error cannot be.
        let _ = synced.wait_for(|synced| *synced).await;
    }

    /// Whether an object of `namespace` that is not in the cache can be taken not to be there, but for what has
    /// happened just now: every object was listed, and the watch has shown something since it last failed.
    pub(super) fn tells_of(&self, namespace: &str) -> bool {
        self.synced() && !self.health.lock().is_ailing(namespace)
    }

    /// How many errors the watch has met.
    pub fn errors(&self) -> u64 {
        self.health.lock().errors()
    }

    /// How the cache fares.
    pub fn state(&self) -> CacheState {
        let (objects, unreadable) = {
            let store = self.store.read();
            (store.len(), store.unreadable())
        };
        let what = missing::what::<P::Object>();
        let health = self.health.lock();
        health.state(what, self.synced(), objects, unreadable)
    }

    /// Takes the answer to our own write. It replaces an older state of the same object; an object that is
    /// not in the cache, or is there under another UID, is left to the watch. Observers are told: the answer
    /// may hold somebody else's change, which the watch then no longer brings.
    pub fn confirm(&self, object: P::Object) {
        let key = ObjectKey::of(&object);
        let version = Version::of(object.meta());
        self.confirm_as(key, version, P::project(follow::stripped(object)));
    }

    fn confirm_as(&self, key: ObjectKey, version: Version, stored: impl Into<Arc<P::Stored>>) {
        let stored = self.keeping.fresh(stored);
        self.change(|store| {
            store
                .confirm(&key, version, stored)
                .map(|effect| (key, effect))
        });
    }

    /// How many lists were complete so far, for [`learn`](Self::learn).
    pub(super) fn lists(&self) -> u64 {
        self.store.read().lists()
    }

    /// Takes what our own write left of an object that may be new: as [`confirm`](Self::confirm), but an object
    /// that the watch is yet to show is kept, too. `lists` is what [`lists`](Self::lists) said before the write.
    pub(super) fn learn(&self, meta: &ObjectMeta, stored: P::Stored, lists: u64) {
        let key = ObjectKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        let version = Version::of(meta);
        let stored = self.keeping.fresh(stored);
        self.change(|store| {
            store
                .learn(&key, version, stored, lists)
                .map(|effect| (key, effect))
        });
    }

    /// Whether the API server does not serve the kind, as far as was last heard.
    pub fn is_missing(&self) -> bool {
        self.health.lock().is_missing()
    }

    fn failed(&self, namespace: Option<&str>, why: String) {
        let mut health = self.health.lock();
        health.failed(
            self.name,
            namespace,
            why,
            self.clock.now(),
            self.clock.wall(),
        );
    }

    fn mark_synced(&self) {
        self.synced.send_replace(true);
    }

    /// Changes the store and tells every observer what came of it.
    fn change<E>(&self, change: impl FnOnce(&mut Store<P::Stored>) -> E)
    where
        E: IntoIterator<Item = (ObjectKey, Effect<P::Stored>)>,
    {
        let observers = self.observers.lock();
        // The store is free again before anybody is told: observers read it.
        let effects = change(&mut self.store.write());
        for (key, effect) in effects {
            effect.tell(|change| {
                for observer in observers.iter() {
                    observer(&key, change);
                }
            });
        }
    }
}

impl<K> Cache<Whole<K>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static,
{
    /// As [`confirm`](Self::confirm). Gives the object as it is kept, which copies nothing.
    pub fn confirm_whole(&self, object: K) -> Arc<K> {
        let object = Arc::new(follow::stripped(object));
        let version = Version::of(object.meta());
        self.confirm_as(ObjectKey::of(&*object), version, object.clone());
        object
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn what_is_kept_has_no_room_to_spare() {
        let mut finalizers = Vec::with_capacity(10);
        finalizers.push("a/b".to_owned());
        let mut map = ConfigMap::default();
        map.metadata.finalizers = Some(finalizers);
        let kept = Whole::<ConfigMap>::project(map);
        let finalizers = kept.metadata.finalizers.unwrap_or_default();
        assert_eq!((finalizers.len(), finalizers.capacity()), (1, 1));
    }
}
