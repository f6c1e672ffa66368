//! What namespaces say to the engine, by their annotations.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Client, core::PartialObjectMeta};

use crate::{
    cluster::cache::{Cache, Projection},
    decide::key::ObjectKey,
};

/// Keeps of a namespace its annotations of the group of `K`, by their full keys.
pub struct Words<K>(PhantomData<fn() -> K>);

impl<K: kube::Resource<DynamicType = ()> + 'static> Projection for Words<K> {
    type Object = PartialObjectMeta<Namespace>;
    type Stored = BTreeMap<String, String>;

    fn project(namespace: PartialObjectMeta<Namespace>) -> BTreeMap<String, String> {
        let prefix = format!("{}/", K::group(&()));
        let mut words = namespace.metadata.annotations.unwrap_or_default();
        words.retain(|key, _| key.starts_with(&prefix));
        words
    }
}

/// What namespaces have said: as far as a watch has heard it, and as the API server tells when it is asked.
pub struct NamespaceWords<K: kube::Resource<DynamicType = ()> + 'static> {
    heard: Arc<Cache<Words<K>>>,
    client: Client,
}

impl<K: kube::Resource<DynamicType = ()> + 'static> NamespaceWords<K> {
    /// Those that `heard` follows and `client` reaches.
    pub fn new(heard: Arc<Cache<Words<K>>>, client: Client) -> Self {
        Self { heard, client }
    }

    /// What the watch has brought; nothing of a namespace that it has not shown yet.
    pub(super) fn heard(&self, name: &str) -> Option<Arc<BTreeMap<String, String>>> {
        self.heard.get(&ObjectKey::new("", name))
    }

    /// All that was said until now. The error says why it is not known.
    pub(super) async fn asked(&self, name: &str) -> Result<BTreeMap<String, String>, String> {
        let asked = self.heard.ask(&self.client, name).await;
        let found = asked.map_err(|fault| fault.message)?;
        found.ok_or_else(|| "there is no such namespace".to_owned())
    }
}
