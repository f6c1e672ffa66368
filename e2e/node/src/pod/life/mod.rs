//! The life of one Pod on this node, from its binding to its removal.

mod run;
mod start;
mod stop;
mod surroundings;
mod tell;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container as Named, Pod, PodSpec};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Preconditions};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use self::tell::Trouble;
use super::backoff::Backoff;
use super::folders::Folders;
use super::report::{Gone, Report};
use super::state::{Container, State};
use super::status::Place;
use super::supported;
use crate::network::PodNetwork;

pub use self::surroundings::Surroundings;

/// How often it is tried again to do what could not be done.
const RETRY: Duration = Duration::from_secs(2);

/// One Pod. It ends with what feeds `pods`: the Pod is gone then.
pub struct Life {
    around: Arc<Surroundings>,
    pods: watch::Receiver<Arc<Pod>>,
    changes: broadcast::Receiver<String>,
    folder: PathBuf,
    report: Report,
    place: Place,
    container: Container,
    /// Why its volumes are not as they should be.
    behind: Option<String>,
}

impl Life {
    /// A Pod that was bound to this node.
    pub fn new(around: Arc<Surroundings>, pods: watch::Receiver<Arc<Pod>>) -> Self {
        let pod = pods.borrow().clone();
        let namespace = pod.namespace().unwrap_or_default();
        let api = Api::namespaced(around.client.clone(), &namespace);
        Self {
            pods,
            changes: around.changes.subscribe(),
            folder: around.folder.join(pod.uid().unwrap_or_default()),
            report: Report::new(api, around.recorder.clone(), around.clock.clone()),
            place: Place {
                node: around.address,
                address: None,
                since: around.clock.wall(),
            },
            container: Container::new(),
            behind: None,
            around,
        }
    }

    /// Lives, and returns when the Pod is gone and nothing is left of it here.
    pub async fn live(mut self) {
        let mut network = None;
        let left = self.lead(&mut network).await;
        if let Some(network) = network {
            // A namespace that stays is in nobody's way: its name is not used again, and its address last of all.
            let _ = network.unplug().await;
        }
        let _ = fs::remove_dir_all(&self.folder);
        if left.is_ok() {
            self.remove().await;
        }
    }

    /// Returns when the Pod is to be removed.
    async fn lead(&mut self, network: &mut Option<PodNetwork>) -> Result<(), Gone> {
        let pod = self.pod();
        let spec = pod.spec.clone().unwrap_or_default();
        let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return self.deleted().await;
        }
        let understood = supported::check(&self.as_it_is(&pod).await?);
        match (understood, spec.containers.first()) {
            (Ok(()), Some(container)) => self.repeat(&spec, container, network).await,
            (understood, _) => {
                let why = understood.err().unwrap_or_default();
                self.waits(Trouble::unsupported(why)).await?;
                self.deleted().await
            }
        }
    }

    /// Runs the container as often as its Pod asks for; returns when the Pod is to be removed.
    async fn repeat(
        &mut self,
        spec: &PodSpec,
        container: &Named,
        network: &mut Option<PodNetwork>,
    ) -> Result<(), Gone> {
        let group = spec.security_context.as_ref().and_then(|it| it.fs_group);
        let group = group.filter(|_| self.around.changes_users);
        let group = group.and_then(|it| u32::try_from(it).ok());
        let mut folders = Folders::new(self.folder.join("volumes"), group);
        let mut backoff = Backoff::default();
        self.tell().await?;
        loop {
            let Some(child) = self.start(spec, container, network, &mut folders).await? else {
                return Ok(());
            };
            let began = self.around.clock.now();
            let ended = self.run(child, spec, container, &mut folders).await?;
            let policy = spec.restart_policy.as_deref().unwrap_or("Always");
            if self.is_deleted() || !is_started_again(policy, ended.code) {
                self.container.state = State::Over(ended);
                self.tell().await?;
                return self.deleted().await;
            }
            self.container.last = Some(ended);
            self.container.restarts += 1;
            let pause = backoff.after(self.around.clock.now().since(began));
            if !pause.is_zero() {
                self.waits(Trouble::back_off(pause)).await?;
                let clock = self.around.clock.clone();
                tokio::select! {
                    () = clock.sleep(pause) => {}
                    deleted = self.deleted() => return deleted,
                }
            }
        }
    }

    /// The spec with all its fields.
    async fn as_it_is(&self, pod: &Pod) -> Result<Value, Gone> {
        let (resource, namespace) = (ApiResource::erase::<Pod>(&()), pod.namespace());
        let client = self.around.client.clone();
        let pods: Api<DynamicObject> =
            Api::namespaced_with(client, &namespace.unwrap_or_default(), &resource);
        loop {
            match pods.get_opt(&pod.name_any()).await {
                Ok(Some(found)) if found.uid() == pod.uid() => {
                    return Ok(found.data["spec"].clone());
                }
                Ok(_) => return Err(Gone),
                Err(_) => self.around.clock.sleep(RETRY).await,
            }
        }
    }

    fn pod(&self) -> Arc<Pod> {
        self.pods.borrow().clone()
    }

    fn is_deleted(&self) -> bool {
        is_deleted(&self.pods.borrow())
    }

    /// Returns when the Pod is to be deleted.
    async fn deleted(&mut self) -> Result<(), Gone> {
        let deleted = self.pods.wait_for(|pod| is_deleted(pod)).await;
        deleted.map(drop).map_err(|_| Gone)
    }

    /// Takes the Pod out of the API server: nothing of it runs any more.
    async fn remove(&self) {
        let pod = self.pod();
        let namespace = pod.namespace().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.around.client.clone(), &namespace);
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: pod.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        loop {
            match pods.delete(&pod.name_any(), &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => return,
                Err(_) => self.around.clock.sleep(RETRY).await,
            }
        }
    }
}

fn is_deleted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

fn is_started_again(policy: &str, code: i32) -> bool {
    match policy {
        "Never" => false,
        "OnFailure" => code != 0,
        _ => true,
    }
}

/// Returns when something of the namespace has changed.
async fn changed(changes: &mut broadcast::Receiver<String>, namespace: &str) {
    loop {
        match changes.recv().await {
            Ok(other) if other != namespace => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // The node stops.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
