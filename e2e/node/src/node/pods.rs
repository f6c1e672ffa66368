//! The Pods that are bound to this node, each with a life of its own.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::NAME;
use crate::pod::{Life, Surroundings};

/// Gives each Pod that is bound to this node a life of its own.
pub async fn take(around: Arc<Surroundings>) {
    let bound = watcher::Config::default().fields(&format!("spec.nodeName={NAME}"));
    let watched = watcher(Api::<Pod>::all(around.client.clone()), bound);
    follow(pin!(watched.default_backoff()), around).await;
}

/// Tells a life what its Pod is like. Without it the life ends.
type Feed = watch::Sender<Arc<Pod>>;

async fn follow<S>(mut events: Pin<&mut S>, around: Arc<Surroundings>)
where
    S: Stream<Item = watcher::Result<watcher::Event<Pod>>>,
{
    // By UID: a Pod's name may be used again while the one before it still ends.
    let mut feeds = BTreeMap::<String, Feed>::new();
    let mut listed = None;
    let mut lives = JoinSet::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            Some(_) = lives.join_next() => continue,
        };
        let mut take = |feeds: &mut BTreeMap<String, Feed>, pod: Pod| {
            let uid = pod.uid().unwrap_or_default();
            let pod = Arc::new(pod);
            match feeds.get(&uid) {
                Some(feed) => drop(feed.send_replace(pod)),
                None => {
                    let (feed, pods) = watch::channel(pod);
                    feeds.insert(uid, feed);
                    lives.spawn(Life::new(around.clone(), pods).live());
                }
            }
        };
        match event {
            None => return,
            // It is tried again.
            Some(Err(_)) => {}
            Some(Ok(watcher::Event::Init)) => listed = Some(Vec::new()),
            Some(Ok(watcher::Event::InitApply(pod))) => {
                listed.get_or_insert_default().extend(pod.uid());
                take(&mut feeds, pod);
            }
            Some(Ok(watcher::Event::InitDone)) => {
                let listed: Vec<String> = listed.take().unwrap_or_default();
                feeds.retain(|uid, _| listed.contains(uid));
            }
            Some(Ok(watcher::Event::Apply(pod))) => take(&mut feeds, pod),
            Some(Ok(watcher::Event::Delete(pod))) => {
                drop(feeds.remove(&pod.uid().unwrap_or_default()))
            }
        }
    }
}
