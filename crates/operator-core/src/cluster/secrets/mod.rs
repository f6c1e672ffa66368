//! Secrets that objects refer to: their values by `get` when they are used, their changes by a watch on
//! metadata alone, and only in namespaces that hold a referenced Secret.
//!
//! Needs `get` on `secrets`, and `list` and `watch` to hear of changes: without these two a change is seen
//! when the Secret is read next.
//!
//! Apart from these, a Secret that the operator keeps by itself ([`OwnSecret`]).

mod own;
mod references;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, core::PartialObjectMeta};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinHandle;

use self::references::{References, Sight};
pub use self::{
    own::{OwnSecret, Stored, Wanted},
    values::{SecretValues, UnusableValue},
};
use super::{
    cache::{Cache, CacheState, Change, Projection, Scope},
    version::Version,
};
use crate::decide::{clock::Clock, key::ObjectKey};

/// The Secrets that the objects of one kind, the users, refer to. Cheap to clone; the watches end with the
/// last clone.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

/// Told of a Secret and of its users.
type OnChange = Box<dyn Fn(&ObjectKey, &BTreeSet<ObjectKey>) + Send + Sync>;

struct Inner {
    client: Client,
    clock: Clock,
    on_change: OnChange,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    references: References,
    watches: HashMap<Arc<str>, Watch>,
}

/// The watch of one namespace; ends when it is dropped.
struct Watch {
    cache: Arc<Cache<Versions>>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps of a Secret which state it is in.
struct Versions;

impl Projection for Versions {
    type Object = PartialObjectMeta<Secret>;
    type Stored = Version;

    fn project(secret: PartialObjectMeta<Secret>) -> Version {
        Version::of(&secret.metadata)
    }
}

/// How one namespace's Secrets are followed, for `/debug/state`.
#[derive(Clone, Debug, Serialize)]
pub struct SecretsState {
    /// How many of them are referred to.
    pub referenced: usize,
    /// How the watch fares; it counts all Secrets of the namespace.
    #[serde(flatten)]
    pub watch: CacheState,
}

impl Secrets {
    /// Follows nothing yet. `on_change` is told of each referenced Secret that appeared, changed or
    /// disappeared, and who refers to it; it must not block.
    pub fn new(
        client: Client,
        clock: Clock,
        on_change: impl Fn(&ObjectKey, &BTreeSet<ObjectKey>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            client,
            clock,
            on_change: Box::new(on_change),
            state: Mutex::default(),
        }))
    }

    /// From now on `user` refers to exactly `secrets`; to none where it is gone. Must precede the
    /// [`get`](Self::get) of a Secret, so that no change after it is missed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn track(&self, user: &ObjectKey, secrets: BTreeSet<ObjectKey>) {
        let mut state = self.0.state.lock();
        let State {
            references,
            watches,
        } = &mut *state;
        references.set(user, secrets);
        let held = references.namespaces();
        watches.retain(|namespace, _| held.contains_key(namespace));
        for namespace in held.keys() {
            if !watches.contains_key(namespace) {
                watches.insert(namespace.clone(), self.watch(namespace));
            }
        }
    }

    /// Reads a Secret from the API server; `None` if it is not there.
    ///
    /// # Errors
    /// What the API server or the way to it said; of an answer that is no Secret, nothing that it holds.
    pub async fn get(&self, key: &ObjectKey) -> kube::Result<Option<SecretValues>> {
        let api: Api<Secret> = Api::namespaced(self.0.client.clone(), &key.namespace);
        let secret = api.get_opt(&key.name).await.map_err(without_content)?;
        let sight = match &secret {
            Some(secret) => Sight::Present(Version::of(&secret.metadata)),
            None => Sight::Absent,
        };
        self.0.see(key, sight);
        Ok(secret.map(SecretValues::of))
    }

    /// How each namespace is followed.
    pub fn state(&self) -> BTreeMap<String, SecretsState> {
        let state = self.0.state.lock();
        let namespaces = state.references.namespaces().iter();
        namespaces
            .filter_map(|(namespace, referenced)| {
                let watch = state.watches.get(namespace)?.cache.state();
                Some((
                    namespace.to_string(),
                    SecretsState {
                        referenced: *referenced,
                        watch,
                    },
                ))
            })
            .collect()
    }

    fn watch(&self, namespace: &Arc<str>) -> Watch {
        let Inner { client, clock, .. } = &*self.0;
        let cache = Arc::new(Cache::new("secret", clock.clone()));
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

impl Inner {
    fn see(&self, key: &ObjectKey, sight: Sight) {
        let users = self.state.lock().references.see(key, sight);
        if let Some(users) = users {
            (self.on_change)(key, &users);
        }
    }
}

/// An error of a decoder quotes what it could not decode.
fn without_content(error: kube::Error) -> kube::Error {
    match error {
        kube::Error::SerdeError(error) => {
            let text = format!(
                "the answer is no Secret (at line {}, column {})",
                error.line(),
                error.column()
            );
            kube::Error::SerdeError(serde::de::Error::custom(text))
        }
        error => error,
    }
}

fn see_change(inner: &Weak<Inner>, key: &ObjectKey, change: &Change<'_, Version>) {
    let Some(inner) = inner.upgrade() else { return };
    match change {
        Change::Added(version) | Change::Updated { new: version, .. } => {
            inner.see(key, Sight::Present(Version::clone(version)));
        }
        Change::Deleted(version) => inner.see(key, Sight::Deleted(Version::clone(version))),
        // Metadata can always be read.
        Change::Unreadable(_) | Change::UnreadableGone => {}
    }
}
