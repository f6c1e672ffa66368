//! Keeps the hosts file of Pods as their Services' endpoints are.

use std::path::{Path, PathBuf};
use std::pin::pin;

use futures::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::Api;
use kube::runtime::watcher::{self, watcher};
use kube::runtime::{WatchStreamExt, reflector};

use super::hosts;

/// Keeps the hosts file in this folder.
pub async fn keep(client: Client, folder: PathBuf) {
    let (slices, writer) = reflector::store::<EndpointSlice>();
    let watched = watcher(Api::all(client), watcher::Config::default());
    let mut events = pin!(watched.default_backoff().reflect(writer));
    while let Some(event) = events.next().await {
        if event.is_ok() {
            write(&slices, &folder);
        }
    }
}

fn write(slices: &reflector::Store<EndpointSlice>, folder: &Path) {
    let slices = slices.state();
    let text = hosts::hosts(slices.iter().map(AsRef::as_ref));
    // In memory: what could be in the way shows at the next change, too.
    let _ = hosts::write(folder, &text);
}
