//! In which namespaces something changes that Pods may have as volumes.

use std::fmt::Debug;
use std::pin::pin;

use futures::StreamExt;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

/// Tells in which namespaces objects of a kind change.
pub async fn announce<K>(client: Client, changes: broadcast::Sender<String>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let watched = watcher(
        Api::<PartialObjectMeta<K>>::all(client),
        watcher::Config::default(),
    );
    let mut touched = pin!(watched.default_backoff().touched_objects());
    while let Some(object) = touched.next().await {
        if let Ok(object) = object {
            // Nobody may be listening.
            let _ = changes.send(object.namespace().unwrap_or_default());
        }
    }
}
