//! Secrets that objects refer to: their values by `get` when they are used, their changes by a watch on
//! metadata alone, and only in namespaces that hold a referenced Secret.
//!
//! Needs `get` on `secrets`, and `list` and `watch` to hear of changes: without these two a change is seen
//! when the Secret is read next.
//!
//! Apart from these, a Secret that the operator keeps by itself ([`OwnSecret`]).

mod own;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

pub use self::{
    own::{OwnSecret, Stored, Wanted},
    values::{SecretValues, UnusableValue},
};
pub use super::referenced::NamespaceState;
use super::referenced::{News, Referenced, Sight};
use crate::decide::{clock::Clock, key::ObjectKey};

/// The Secrets that the objects of one kind, the users, refer to. Cheap to clone; the watches end with the
/// last clone.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    referenced: Referenced<Secret>,
    on_news: OnNews,
}

type OnNews = Arc<dyn Fn(&ObjectKey, News) + Send + Sync>;

impl Secrets {
    /// Follows nothing yet. `on_change` is told of each referenced Secret that appeared, changed or
    /// disappeared, and who refers to it; it must not block.
    pub fn new(
        client: Client,
        clock: Clock,
        on_change: impl Fn(&ObjectKey, &BTreeSet<ObjectKey>) + Send + Sync + 'static,
    ) -> Self {
        let on_news: OnNews = Arc::new(move |secret, news| match news {
            // A user refers to a Secret before it reads it.
            News::First => {}
            News::Changed(users) => on_change(secret, &users),
        });
        let heard = on_news.clone();
        let heard = move |key: &ObjectKey, news| heard(key, news);
        Self(Arc::new(Inner {
            referenced: Referenced::new(client, clock, "secret", heard),
            on_news,
        }))
    }

    /// From now on `user` refers to exactly `secrets`; to none where it is gone. Must precede the
    /// [`get`](Self::get) of a Secret, so that no change after it is missed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn track(&self, user: &ObjectKey, secrets: BTreeSet<ObjectKey>) {
        self.0.referenced.track(user, secrets);
    }

    /// Reads a Secret from the API server; `None` if it is not there.
    ///
    /// # Errors
    /// What the API server or the way to it said; of an answer that is no Secret, nothing that it holds.
    pub async fn get(&self, key: &ObjectKey) -> kube::Result<Option<SecretValues>> {
        let Inner {
            referenced,
            on_news,
        } = &*self.0;
        let api: Api<Secret> = Api::namespaced(referenced.client().clone(), &key.namespace);
        let secret = api.get_opt(&key.name).await.map_err(without_content)?;
        if let Some(news) = referenced.read(key, Sight::of(secret.as_ref())) {
            on_news(key, news);
        }
        Ok(secret.map(SecretValues::of))
    }

    /// How each namespace is followed.
    pub fn state(&self) -> BTreeMap<String, NamespaceState> {
        self.0.referenced.state()
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
