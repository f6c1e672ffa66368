//! What namespaces say to the engine, by their annotations.

use std::{collections::BTreeMap, marker::PhantomData};

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;

use crate::cluster::cache::Projection;

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
