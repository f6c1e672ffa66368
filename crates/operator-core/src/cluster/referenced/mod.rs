//! Objects of one kind that others refer to: their changes by a watch on metadata alone, and only in namespaces
//! that hold one.

mod references;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    marker::PhantomData,
    sync::{Arc, Weak},
};

use kube::{Client, Resource, core::PartialObjectMeta};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinHandle;

use self::references::References;
pub(super) use self::references::{News, Sight};
use super::{
    cache::{Cache, CacheState, Change, Projection, Scope},
    version::Version,
};
use crate::decide::{clock::Clock, key::ObjectKey};

/// A kind that can be followed: namespaced, and known when this is compiled.
pub(super) trait Followable:
    Resource<DynamicType = ()> + Clone + fmt::Debug + Send + Sync + 'static
{
}

impl<K: Resource<DynamicType = ()> + Clone + fmt::Debug + Send + Sync + 'static> Followable for K {}

/// The objects of kind `K` that others, the users, refer to. The watches end when it is dropped.
pub(super) struct Referenced<K: Followable>(Arc<Inner<K>>);

type Heard = Box<dyn Fn(&ObjectKey, News) + Send + Sync>;

struct Inner<K: Followable> {
    client: Client,
    clock: Clock,
    name: &'static str,
    heard: Heard,
    state: Mutex<State<K>>,
}

struct State<K: Followable> {
    references: References,
    watches: HashMap<Arc<str>, Watch<K>>,
}

/// The watch of one namespace; ends when it is dropped.
struct Watch<K: Followable> {
    cache: Arc<Cache<Versions<K>>>,
    task: JoinHandle<()>,
}

impl<K: Followable> Drop for Watch<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps of an object which state it is in.
struct Versions<K>(PhantomData<fn() -> K>);

impl<K: Followable> Projection for Versions<K> {
    type Object = PartialObjectMeta<K>;
    type Stored = Version;

    fn project(object: PartialObjectMeta<K>) -> Version {
        Version::of(&object.metadata)
    }
}

/// How the referenced objects of one namespace are followed, for `/debug/state`.
#[derive(Clone, Debug, Serialize)]
pub struct NamespaceState {
    /// How many of them are referred to.
    pub referenced: usize,
    /// How the watch fares; it counts all objects of the kind in the namespace.
    #[serde(flatten)]
    pub watch: CacheState,
}

impl<K: Followable> Referenced<K> {
    /// Follows nothing yet. `name` is the kind in lower case. `heard` is told what a watch brings of an object
    /// that is referred to; it must not block.
    pub(super) fn new(
        client: Client,
        clock: Clock,
        name: &'static str,
        heard: impl Fn(&ObjectKey, News) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            name,
            heard: Box::new(heard),
            state: Mutex::new(State {
                references: References::default(),
                watches: HashMap::new(),
            }),
        }))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// From now on `user` refers to exactly `objects`; to none where it is gone.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn track(&self, user: &ObjectKey, objects: BTreeSet<ObjectKey>) {
        let mut state = self.0.state.lock();
        let State {
            references,
            watches,
        } = &mut *state;
        references.set(user, objects);
        let held = references.namespaces();
        watches.retain(|namespace, _| held.contains_key(namespace));
        for namespace in held.keys() {
            if !watches.contains_key(namespace) {
                watches.insert(namespace.clone(), self.watch(namespace));
            }
        }
    }

    /// Every object that somebody refers to.
    pub(super) fn objects(&self) -> BTreeSet<ObjectKey> {
        self.0.state.lock().references.objects().cloned().collect()
    }

    /// Who refers to an object.
    pub(super) fn users(&self, object: &ObjectKey) -> BTreeSet<ObjectKey> {
        self.0.state.lock().references.users(object)
    }

    /// Notes what a read has shown of an object, so that the watch does not bring it again; gives what the watch
    /// would have told, or has told while it was read.
    pub(super) fn read(&self, key: &ObjectKey, sight: Sight) -> Option<News> {
        self.0.state.lock().references.read(key, sight)
    }

    /// How each namespace is followed.
    pub(super) fn state(&self) -> BTreeMap<String, NamespaceState> {
        let state = self.0.state.lock();
        let namespaces = state.references.namespaces().iter();
        namespaces
            .filter_map(|(namespace, referenced)| {
                let watch = state.watches.get(namespace)?.cache.state();
                let referenced = *referenced;
                Some((namespace.to_string(), NamespaceState { referenced, watch }))
            })
            .collect()
    }

    fn watch(&self, namespace: &Arc<str>) -> Watch<K> {
        let Inner {
            client,
            clock,
            name,
            ..
        } = &*self.0;
        let cache = Arc::new(Cache::new(name, clock.clone()));
        let inner = Arc::downgrade(&self.0);
        cache.observe(Box::new(move |key, change| see_change(&inner, key, change)));
        let scope = Scope::Namespaces([namespace.to_string()].into());
        let task = tokio::spawn({
            let (cache, client) = (cache.clone(), client.clone());
            async move { cache.run(client, scope).await }
        });
        Watch { cache, task }
    }
}

impl Sight {
    /// What a read has shown.
    pub(super) fn of(read: Option<&impl Resource>) -> Self {
        match read {
            Some(object) => Self::Present(Version::of(object.meta())),
            None => Self::Absent,
        }
    }
}

fn see_change<K: Followable>(
    inner: &Weak<Inner<K>>,
    key: &ObjectKey,
    change: &Change<'_, Version>,
) {
    let Some(inner) = inner.upgrade() else { return };
    let sight = match change {
        Change::Added(version) | Change::Updated { new: version, .. } => {
            Sight::Present(Version::clone(version))
        }
        Change::Deleted(version) => Sight::Deleted(Version::clone(version)),
        // Metadata can always be read.
        Change::Unreadable(_) | Change::UnreadableGone => return,
    };
    let news = inner.state.lock().references.see(key, sight);
    if let Some(news) = news {
        (inner.heard)(key, news);
    }
}
