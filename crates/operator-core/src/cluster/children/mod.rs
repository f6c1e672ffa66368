//! The children of one kind that an operator's objects have, known from one watch: what stands already costs
//! no request, what is missing costs one. A child that the API server keeps in another form than it was applied
//! in costs one more after each start of the operator, and after each change by others: the answer tells that it stands.
//!
//! Of each object of the kind no more is kept than whose it is and a fingerprint of what was applied to it.
//! The watch has no selector, so that a name that somebody else uses is known, too. Needs `get`, `list`,
//! `watch`, `create` and `patch` on the kind.

mod live;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Resource, ResourceExt,
    api::Patch,
    core::{NamespaceResourceScope, Request},
};
use serde_json::Value;

pub use self::live::{Child, Kept, Live};
use self::live::{fingerprint, short};
use super::{
    apply::{Appliable, owner_of},
    cache::{Cache, Change},
    json_patch::stored_form,
    leading::Leading,
    spans::Ask,
    stored::stored,
    write::{WriteError, Writer},
};
use crate::decide::key::ObjectKey;

/// The objects of a kind, as far as it takes to keep children among them.
pub struct Children<K: Appliable> {
    cache: Arc<Cache<Kept<K>>>,
    writer: Writer,
}

impl<K: Appliable> Children<K> {
    /// Children that `writer` applies and `cache` knows.
    pub fn new(cache: Arc<Cache<Kept<K>>>, writer: Writer) -> Self {
        Self { cache, writer }
    }

    /// Calls `wake` with the key of the `P` that owns a child each time that child was changed, made or
    /// deleted by anybody else, and of the one that owned it before. To be called before the cache runs.
    pub fn on_change<P>(&self, wake: impl Fn(&ObjectKey) + Send + Sync + 'static)
    where
        P: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let cache = Arc::downgrade(&self.cache);
        self.cache.observe(Box::new(move |key, change| {
            // The first list is no news: every owner is looked at anyway.
            let listing = cache.upgrade().is_none_or(|cache| !cache.synced());
            if listing {
                return;
            }
            for owner in concerned::<P>(change) {
                wake(&ObjectKey::new(key.namespace.clone(), owner));
            }
        }));
    }

    /// Makes what is stored say all that `child` says, and no more of what was applied before; as
    /// [`Writer::apply_child`], but without looking first where the watch has told already. True if something
    /// was sent.
    ///
    /// # Errors
    /// As [`Writer::apply_child`].
    pub async fn apply<P: Resource<DynamicType = ()>>(
        &self,
        leading: &Leading,
        parent: &P,
        mut child: K,
    ) -> Result<bool, WriteError> {
        let owner = owner_of(parent);
        child.meta_mut().namespace = parent.namespace();
        let child = self.writer.marked(Some(owner.clone()), child);
        let key = ObjectKey::of(&child);
        let mut body = stored_form(&child)?;
        let print = fingerprint(self.writer.manager(), &body);
        let lists = self.cache.lists();
        let known = self.cache.get(&key);
        match &known {
            Some(live) if live.has(print) => return Ok(false),
            // Whoever changes it before this arrives is noticed, and an object that is gone stays so.
            Some(live) if live.is_ours(self.writer.manager(), &owner.uid) => {
                body["metadata"]["uid"] = live.uid().into();
                body["metadata"]["resourceVersion"] = live.resource_version().into();
            }
            // Else an object of this name may be there, and applying would make it ours.
            None if self.cache.tells_of(&key.namespace) => {}
            _ => return self.look_first(leading, parent, child, print).await,
        }
        match self.send(leading, &key, &body).await? {
            Ok(meta) => {
                let stored = Child::written(&meta, &owner, self.writer.manager(), print);
                self.cache.learn(&meta, stored, lists);
                Ok(true)
            }
            Err(kube::Error::Api(refused)) if refused.is_conflict() => {
                self.look_first(leading, parent, child, print).await
            }
            Err(error) => Err(WriteError::of_patch::<K>(error, None)),
        }
    }

    /// Asks for no more of the answer than says which state it is of.
    async fn send(
        &self,
        leading: &Leading,
        key: &ObjectKey,
        body: &Value,
    ) -> Result<Result<ObjectMeta, kube::Error>, WriteError> {
        let client = &self.writer.client;
        let path = K::url_path(&(), Some(&key.namespace));
        let request = Request::new(path);
        let (params, patch) = (self.writer.params(), Patch::Apply(body));
        let request = match request.patch(&key.name, &params, &patch) {
            Ok(request) => request,
            Err(error) => return Ok(Err(kube::Error::BuildRequest(error))),
        };
        let write = stored(client, request);
        self.writer.send::<K, _>(leading, Ask::PATCH, write).await
    }

    async fn look_first<P: Resource<DynamicType = ()>>(
        &self,
        leading: &Leading,
        parent: &P,
        child: K,
        print: u64,
    ) -> Result<bool, WriteError> {
        let lists = self.cache.lists();
        let applied = self.writer.apply_child(leading, parent, child).await?;
        let written = applied.is_written();
        let object = applied.into_object();
        let meta = short(object.meta());
        let stored = Child::written(&meta, &owner_of(parent), self.writer.manager(), print);
        self.cache.learn(&meta, stored, lists);
        Ok(written)
    }
}

/// The names of those `P` who own the child after the change, or owned it before. Own writes concern nobody.
fn concerned<'a, P: Resource<DynamicType = ()>>(
    change: &Change<'a, Child>,
) -> impl Iterator<Item = &'a str> {
    let (before, after) = match *change {
        Change::Deleted(child) => (Some(child), None),
        Change::Added(child) => (None, Some(child)),
        Change::Updated { old, new } => (Some(old), Some(new)),
        Change::Unreadable(_) | Change::UnreadableGone => (None, None),
    };
    let is_ours = after.is_some_and(|child| child.is_own_write());
    let owner = |child: &'a Arc<Child>| child.owner::<P>().filter(|_| !is_ours);
    let (before, after) = (before.and_then(owner), after.and_then(owner));
    after.into_iter().chain(before.filter(|_| before != after))
}
