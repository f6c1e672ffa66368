//! The life of one Pod on this node, from its binding to its removal.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use harness::process::Child;
use k8s_openapi::api::core::v1::{Container as Named, Pod, PodSpec};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Preconditions};
use kube::runtime::events::{EventType, Recorder};
use kube::{Client, ResourceExt};
use operator_core::decide::clock::Clock;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use super::backoff::Backoff;
use super::container::{Container as Started, Identity};
use super::downward::Told;
use super::environment::Process;
use super::folders::Folders;
use super::probe::{Heard, Kind, Plan};
use super::report::{Gone, Report};
use super::status::{self, Container, Ended, Place, State};
use super::supported;
use crate::images::Images;
use crate::network::{Network, PodNetwork};

/// How often it is tried again to start what could not be started.
const RETRY: Duration = Duration::from_secs(2);
/// How much of a log is an ended container's message.
const LAST_WORDS: usize = 20;

/// What the node gives all its Pods.
pub struct Surroundings {
    pub client: Client,
    pub recorder: Recorder,
    pub clock: Clock,
    pub network: Arc<Network>,
    pub images: Images,
    /// The node's own address.
    pub address: Ipv4Addr,
    pub api_server: SocketAddr,
    /// The namespaces in which ConfigMaps and Secrets change.
    pub changes: broadcast::Sender<String>,
    /// A folder for each Pod is made here.
    pub folder: PathBuf,
    /// The files of `/etc` that all Pods share.
    pub shared: PathBuf,
    /// Whether processes can be given users and files groups.
    pub changes_users: bool,
}

/// One Pod. It ends with what feeds `pods`: the Pod is gone then.
pub struct Life {
    around: Arc<Surroundings>,
    pods: watch::Receiver<Arc<Pod>>,
    changes: broadcast::Receiver<String>,
    folder: PathBuf,
    report: Report,
    place: Place,
    container: Container,
}

/// Why a container cannot be started yet.
struct Trouble {
    /// The waiting container's.
    reason: &'static str,
    /// The event's.
    event: &'static str,
    message: String,
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
        let (understood, container) = (
            supported::check(&self.as_it_is(&pod).await?),
            spec.containers.first(),
        );
        let container = match (understood, container) {
            (Ok(()), Some(container)) => container,
            (understood, _) => {
                let message = understood.err().unwrap_or_default();
                let (reason, event) = ("Unsupported", "Unsupported");
                self.waits(Trouble {
                    reason,
                    event,
                    message,
                })
                .await?;
                return self.deleted().await;
            }
        };

        let group = spec.security_context.as_ref().and_then(|it| it.fs_group);
        let group = group.filter(|_| self.around.changes_users);
        let group = group.and_then(|it| u32::try_from(it).ok());
        let mut folders = Folders::new(self.folder.join("volumes"), group);
        let mut backoff = Backoff::default();
        self.tell().await?;
        loop {
            let Some(child) = self.start(&spec, container, network, &mut folders).await? else {
                return Ok(());
            };
            let began = self.around.clock.now();
            let ended = self.run(child, &spec, container, &mut folders).await?;
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
                let message = format!("back-off {pause:?} restarting failed container");
                let (reason, event) = ("CrashLoopBackOff", "BackOff");
                self.waits(Trouble {
                    reason,
                    event,
                    message,
                })
                .await?;
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

    /// Starts the container, as soon as it can be; `None` when the Pod was deleted before.
    async fn start(
        &mut self,
        spec: &PodSpec,
        container: &Named,
        network: &mut Option<PodNetwork>,
        folders: &mut Folders,
    ) -> Result<Option<Child>, Gone> {
        loop {
            if self.is_deleted() {
                return Ok(None);
            }
            // What changes from now on was not seen by this try.
            self.changes = self.changes.resubscribe();
            match self.try_start(spec, container, network, folders).await {
                Ok(child) => return Ok(Some(child)),
                Err(trouble) => self.waits(trouble).await?,
            }
            let namespace = self.pod().namespace().unwrap_or_default();
            let clock = self.around.clock.clone();
            tokio::select! {
                () = changed(&mut self.changes, &namespace) => {}
                () = clock.sleep(RETRY) => {}
                pod = self.pods.changed() => pod.map_err(|_| Gone)?,
            }
        }
    }

    async fn try_start(
        &mut self,
        spec: &PodSpec,
        container: &Named,
        network: &mut Option<PodNetwork>,
        folders: &mut Folders,
    ) -> Result<Child, Trouble> {
        let creating = |event, message: String| Trouble {
            reason: "ContainerCreating",
            event,
            message,
        };
        let wrong = |message: String| Trouble {
            reason: "CreateContainerConfigError",
            event: "Failed",
            message,
        };
        let image = container.image.as_deref().unwrap_or_default();
        let program = self.around.images.program(image).map(ToOwned::to_owned);
        let program = program.map_err(|message| Trouble {
            reason: "ErrImagePull",
            event: "Failed",
            message,
        })?;
        let network = match network {
            Some(network) => network,
            None => {
                let plugged = self.around.network.plug().await;
                network.insert(
                    plugged.map_err(|e| creating("FailedCreatePodSandBox", format!("{e:#}")))?,
                )
            }
        };
        self.place.address = Some(network.address());
        let (pod, now) = (self.pod(), self.around.clock.now());
        let told = Told {
            pod: &pod,
            address: network.address(),
            node: self.place.node,
        };
        let filled = folders.fill(&self.around.client, &told, now).await;
        let sources = filled.map_err(|message| creating("FailedMount", message))?;
        let process =
            Process::of(container, &told, &sources, self.around.api_server).map_err(wrong)?;
        let identity = Identity::of(spec).map_err(wrong)?;
        for kind in [Kind::Startup, Kind::Liveness, Kind::Readiness] {
            Plan::of(container, kind).map_err(wrong)?;
        }

        let root = self.folder.join("root");
        let said = |e: std::io::Error| Trouble {
            reason: "RunContainerError",
            event: "Failed",
            message: e.to_string(),
        };
        fs::create_dir_all(&root).map_err(said)?;
        let own = container.security_context.as_ref();
        let started = Started {
            network: &network.file(),
            root: &root,
            node: &self.around.shared,
            host_name: &pod.name_any(),
            image,
            program: &program,
            process,
            mounts: folders.mounts(spec),
            read_only: own.and_then(|it| it.read_only_root_filesystem) == Some(true),
            identity: self.around.changes_users.then_some(identity),
            log: &self.folder.join("log"),
        };
        started.start().map_err(said)
    }

    /// Watches over the container until it has ended.
    async fn run(
        &mut self,
        child: Child,
        spec: &PodSpec,
        container: &Named,
        folders: &mut Folders,
    ) -> Result<Ended, Gone> {
        let began = self.around.clock.wall();
        let plan = |kind| Plan::of(container, kind).ok().flatten();
        let (startup, mut others) = (
            plan(Kind::Startup),
            vec![plan(Kind::Liveness), plan(Kind::Readiness)],
        );
        let is_judged = others[1].is_some();
        let (mut started, mut ready) = (startup.is_none(), false);
        let (tell, mut heard) = mpsc::channel::<Heard>(8);
        let mut probes = JoinSet::new();
        if let Some(startup) = startup {
            self.ask(&mut probes, startup, &tell);
        }
        let grace = Duration::from_secs(
            spec.termination_grace_period_seconds
                .unwrap_or(30)
                .unsigned_abs(),
        );

        let status = loop {
            if started {
                for plan in others.drain(..).flatten() {
                    self.ask(&mut probes, plan, &tell);
                }
                ready |= !is_judged;
            }
            self.container.state = State::Running {
                process: child.pid(),
                since: began,
                started,
                ready,
            };
            self.tell().await?;
            if self.is_deleted() {
                let grace = self.pod().metadata.deletion_grace_period_seconds;
                let grace = Duration::from_secs(grace.unwrap_or_default().unsigned_abs());
                self.event(EventType::Normal, "Killing", "Stopping container")
                    .await;
                break self.stop(&child, container, grace).await;
            }

            let namespace = self.pod().namespace().unwrap_or_default();
            let clock = self.around.clock.clone();
            tokio::select! {
                status = child.wait() => break status,
                Some(heard) = heard.recv() => {
                    if let Err(why) = &heard.outcome {
                        let note = format!("{:?} probe failed: {why}", heard.kind);
                        self.event(EventType::Warning, "Unhealthy", &note).await;
                    }
                    match (heard.kind, heard.outcome.is_ok()) {
                        (Kind::Readiness, good) => ready = good,
                        (Kind::Startup, true) => started = true,
                        (Kind::Liveness, true) => {}
                        (kind, false) => {
                            let note = format!("Container failed its {kind:?} probe, will be restarted");
                            self.event(EventType::Normal, "Killing", &note).await;
                            break self.stop(&child, container, grace).await;
                        }
                    }
                }
                pod = self.pods.changed() => {
                    pod.map_err(|_| Gone)?;
                    self.follow(folders).await;
                }
                () = changed(&mut self.changes, &namespace) => self.follow(folders).await,
                () = clock.sleep_until(folders.renewal()) => self.follow(folders).await,
            }
        };
        let (code, signal) = status::code(status);
        let tells =
            container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
        let message = (code == super::container::NOT_STARTED || tells && code != 0)
            .then(|| child.log_tail(LAST_WORDS));
        let (process, finished) = (child.pid(), self.around.clock.wall());
        Ok(Ended {
            process,
            code,
            signal,
            message,
            began,
            finished,
        })
    }

    fn ask(&self, probes: &mut JoinSet<()>, plan: Plan, tell: &mpsc::Sender<Heard>) {
        if let Some(address) = self.place.address {
            probes.spawn(plan.ask(address, self.around.clock.clone(), tell.clone()));
        }
    }

    /// Brings the volumes up to date. What cannot be had now is tried again with the next change, or soon.
    async fn follow(&mut self, folders: &mut Folders) {
        let Some(address) = self.place.address else {
            return;
        };
        let (pod, now) = (self.pod(), self.around.clock.now());
        let told = Told {
            pod: &pod,
            address,
            node: self.place.node,
        };
        if let Err(why) = folders.fill(&self.around.client, &told, now).await {
            self.event(EventType::Warning, "FailedMount", &why).await;
            self.around.clock.sleep(RETRY).await;
        }
    }

    /// Ends the container: first what its spec says before SIGTERM, and SIGKILL when `grace` is over or the Pod is gone.
    async fn stop(&mut self, child: &Child, container: &Named, grace: Duration) -> ExitStatus {
        let lifecycle = container.lifecycle.as_ref();
        let sleep = lifecycle.and_then(|it| it.pre_stop.as_ref()?.sleep.as_ref());
        let pause = sleep.map_or(0, |it| it.seconds.unsigned_abs());
        let pause = Duration::from_secs(pause).min(grace);
        let clock = self.around.clock.clone();
        let stopping = async {
            tokio::select! {
                () = clock.sleep(pause) => {}
                status = child.wait() => return status,
            }
            child.stop(grace - pause).await
        };
        tokio::select! {
            status = stopping => status,
            () = gone(&mut self.pods) => child.kill().await,
        }
    }

    /// Tells why the container waits, unless that is known.
    async fn waits(
        &mut self,
        Trouble {
            reason,
            event,
            message,
        }: Trouble,
    ) -> Result<(), Gone> {
        let state = State::Waiting {
            reason: reason.to_owned(),
            message: message.clone(),
        };
        if self.container.state != state {
            self.container.state = state;
            self.event(EventType::Warning, event, &message).await;
        }
        self.tell().await
    }

    async fn tell(&mut self) -> Result<(), Gone> {
        let pod = self.pod();
        self.report.status(&pod, &self.place, &self.container).await
    }

    async fn event(&self, kind: EventType, reason: &str, note: &str) {
        self.report.event(&self.pod(), kind, reason, note).await;
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

async fn gone(pods: &mut watch::Receiver<Arc<Pod>>) {
    while pods.changed().await.is_ok() {}
}
