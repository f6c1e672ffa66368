//! The node: what the API server knows of it, and the Pods that it has.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::watcher::{self, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Client, Resource, ResourceExt};
use operator_core::decide::clock::Clock;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use crate::hosts;
use crate::images::Images;
use crate::network::{GATEWAY, Network};
use crate::pod::{Life, Surroundings};
use crate::system;

/// The node's name.
pub const NAME: &str = "node";

/// How often the lease is renewed, as the kubelet does it, and for how long it holds.
const BEAT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 40;
/// After a beat that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Where all is kept: in memory, in this process's own mounts.
const FOLDER: &str = "/run/node";

/// A node at work. Dropping it ends its Pods' processes at once.
#[derive(Debug)]
pub struct Node {
    clock: Clock,
    _working: JoinSet<()>,
}

impl Node {
    /// Registers a node with the cluster of `client`, which is reached at `api_server` from Pods, and begins to take
    /// Pods. The process must have entered namespaces of its own.
    ///
    /// # Errors
    /// When the files or the network of Pods cannot be made.
    pub async fn start(
        client: Client,
        api_server: SocketAddr,
        images: Images,
        network: Arc<Network>,
    ) -> Result<Self> {
        let (folder, shared) = (pods(), PathBuf::from(FOLDER).join("etc"));
        for folder in [&folder, &shared] {
            let made = fs::create_dir_all(folder);
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        hosts::prepare(&shared)?;
        let clock = Clock::system();
        let reporter = Reporter {
            controller: "node".to_owned(),
            instance: Some(NAME.to_owned()),
        };
        let around = Arc::new(Surroundings {
            recorder: Recorder::new(client.clone(), reporter),
            clock: clock.clone(),
            network,
            images,
            address: GATEWAY,
            api_server,
            changes: broadcast::channel(256).0,
            folder,
            shared: shared.clone(),
            changes_users: changes_users()?,
            client: client.clone(),
        });
        let mut working = JoinSet::new();
        working.spawn(beat(client.clone(), clock.clone()));
        working.spawn(announce::<ConfigMap>(
            client.clone(),
            around.changes.clone(),
        ));
        working.spawn(announce::<Secret>(client.clone(), around.changes.clone()));
        working.spawn(name_services(client, shared));
        working.spawn(take_pods(around));
        Ok(Self {
            clock,
            _working: working,
        })
    }

    /// What a Pod's container has written so far, both streams; it is kept for as long as the Pod.
    ///
    /// # Errors
    /// When it was not started here.
    pub fn log(&self, pod: &Pod) -> io::Result<String> {
        fs::read(self.log_file(pod)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where that is kept.
    pub fn log_file(&self, pod: &Pod) -> PathBuf {
        pods().join(pod.uid().unwrap_or_default()).join("log")
    }

    /// The clock by which probes are made, tokens renewed, and containers that fail started again.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn pods() -> PathBuf {
    PathBuf::from(FOLDER).join("pods")
}

/// A file system of memory for `/run`: `ip` names namespaces there, and a Pod's secrets are on no disk.
///
/// # Errors
/// When it cannot be mounted.
pub async fn mount_run() -> Result<()> {
    system::mount(&["-t", "tmpfs", "-o", "mode=755", "run", "/run"]).await
}

/// Whether this process may change users, which a user namespace of somebody other than root takes away.
fn changes_users() -> Result<bool> {
    let file = "/proc/self/uid_map";
    let map = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let mut numbers = map.split_whitespace();
    Ok(numbers.nth(2).is_some_and(|count| count != "1"))
}

/// Says again and again that the node is there.
async fn beat(client: Client, clock: Clock) {
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client.clone());
    let lease = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
    let leases: Api<DynamicObject> =
        Api::namespaced_with(client, "kube-node-lease", &ApiResource::from_gvk(&lease));
    let params = PatchParams::apply("node").force();
    let since = clock.wall();
    loop {
        let now = clock.wall();
        let told = async {
            nodes
                .patch(NAME, &params, &Patch::Apply(registration()))
                .await?;
            nodes
                .patch_status(NAME, &params, &Patch::Apply(status(since, now)))
                .await?;
            leases
                .patch(NAME, &params, &Patch::Apply(renewal(now)))
                .await?;
            Ok::<(), kube::Error>(())
        };
        let pause = if told.await.is_ok() { BEAT } else { RETRY };
        clock.sleep(pause).await;
    }
}

fn registration() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": NAME, "labels": {
            "kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(),
        } },
    })
}

fn status(since: Timestamp, now: Timestamp) -> Value {
    // Nothing is really set aside, so the scheduler may be told of more than there is.
    let resources = json!({ "cpu": "64", "memory": "64Gi", "pods": "200" });
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": NAME },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": GATEWAY.to_string() },
                { "type": "Hostname", "address": NAME },
            ],
            "allocatable": resources, "capacity": resources,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "NodeReady", "message": "it runs Pods as processes",
                "lastHeartbeatTime": now, "lastTransitionTime": since,
            }],
            "nodeInfo": {
                "architecture": architecture(), "operatingSystem": "linux", "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION")),
                "containerRuntimeVersion": "process://1", "bootID": "", "kernelVersion": "", "kubeProxyVersion": "",
                "machineID": "", "osImage": "", "systemUUID": "",
            },
        },
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn renewal(now: Timestamp) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": NAME },
        "spec": {
            "holderIdentity": NAME, "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format!("{now:.6}"),
        },
    })
}

/// Tells in which namespaces objects of a kind change.
async fn announce<K>(client: Client, changes: broadcast::Sender<String>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
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

/// Keeps the hosts file.
async fn name_services(client: Client, folder: PathBuf) {
    let (slices, writer) = reflector::store::<EndpointSlice>();
    let watched = watcher(Api::all(client), watcher::Config::default());
    let mut events = pin!(watched.default_backoff().reflect(writer));
    while let Some(event) = events.next().await {
        if event.is_ok() {
            write_hosts(&slices, &folder);
        }
    }
}

fn write_hosts(slices: &reflector::Store<EndpointSlice>, folder: &Path) {
    let slices = slices.state();
    let text = hosts::hosts(slices.iter().map(AsRef::as_ref));
    // In memory: what could be in the way shows at the next change, too.
    let _ = hosts::write(folder, &text);
}

/// Gives each Pod that is bound to this node a life of its own.
async fn take_pods(around: Arc<Surroundings>) {
    let bound = watcher::Config::default().fields(&format!("spec.nodeName={NAME}"));
    let watched = watcher(Api::<Pod>::all(around.client.clone()), bound);
    follow(pin!(watched.default_backoff()), around).await;
}

type Feed = watch::Sender<Arc<Pod>>;

async fn follow<S>(mut events: std::pin::Pin<&mut S>, around: Arc<Surroundings>)
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
            // Without a feed its life ends.
            Some(Ok(watcher::Event::Delete(pod))) => {
                drop(feeds.remove(&pod.uid().unwrap_or_default()))
            }
        }
    }
}
