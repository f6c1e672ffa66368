//! An operator as a release of its chart, which runs in a Pod.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use harness::process::{Signal, log_tail};
use harness::wait::{PATIENCE, until, wait_for};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

use super::{Wish, service};
use crate::built::LOG_LINES;
use crate::helm::Helm;
use crate::kubectl::Kubectl;
use crate::pods::Pods;
use crate::stage::Stage;
use crate::teller::Teller;

/// How the node says which process a container is.
const PROCESS: &str = "process://";

/// What a release gives an operator outside of its own namespace, too.
const GIVEN: &str =
    "clusterroles,clusterrolebindings,roles,rolebindings,validatingwebhookconfigurations";

/// The release, called as its chart is, in a namespace called so, too.
pub struct Release {
    pods: Arc<Pods>,
    wish: Wish,
    /// How often its container has been killed.
    killed: i32,
}

impl Release {
    /// Installs it, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the message has what is known about it.
    pub async fn install(pods: &Arc<Pods>, teller: &Teller, wish: Wish) -> Result<Self> {
        let release = Self {
            pods: pods.clone(),
            wish,
            killed: 0,
        };
        let (operator, namespace) = (release.namespace(), release.in_namespace());
        let chart = format!("charts/{operator}");
        // Plain metrics, as the API server's proxy can ask for them.
        let plain = ["metrics.secure=false".to_owned()];
        let values = release.wish.values.iter().chain(&plain);
        let values: Vec<String> = values.map(|value| format!("--set={value}")).collect();
        let mut args = vec!["install", operator, &chart, &namespace];
        args.extend(["--create-namespace", "--wait", "--timeout=3m"]);
        args.extend(values.iter().map(String::as_str));
        if let Err(error) = release.helm().tell(teller, &args).await {
            let evidence = release.evidence().await;
            bail!("{error:#}\n{evidence}");
        }
        release.show_pods(teller).await?;
        teller.happened(&format!("{operator} is ready"));
        Ok(release)
    }

    /// As [`Operator::dialled`](super::Operator::dialled): by its Service's name, at its Pod's address.
    pub async fn dialled(&self) -> Result<(String, SocketAddr)> {
        let port = self.wish.dialled.context("nobody dials it")?.port;
        let address = self.pod().await?.status.and_then(|it| it.pod_ip);
        let address = address.context("its Pod has no address")?.parse()?;
        let name = service(&self.wish, self.namespace(), port);
        Ok((name, SocketAddr::new(address, port)))
    }

    /// As [`Operator::state`](super::Operator::state).
    pub async fn state(&self) -> Result<Value> {
        let page = self.page("debug/state");
        let state = self.kubectl().run(&["get", "--raw", &page]).await?;
        Ok(serde_json::from_str(&state)?)
    }

    /// kubectl in its namespace.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(self.pods.bench().cluster(), self.namespace())
    }

    /// As [`Operator::kill`](super::Operator::kill).
    pub async fn kill(&mut self, teller: &Teller) -> Result<()> {
        let pod = self.pod().await?;
        let id = container(&pod).and_then(|it| it.container_id.as_deref());
        let process = id.and_then(|id| id.strip_prefix(PROCESS)?.parse().ok());
        let process = process
            .and_then(Pid::from_raw)
            .context("its container does not run")?;
        kill_process(process, Signal::KILL)?;
        self.killed += 1;
        teller.typed(&format!("kill -KILL {}", process.as_raw_nonzero()));
        teller.happened("the operator was killed (SIGKILL), the process of its container");
        Ok(())
    }

    /// Waits for its container, which the node starts again.
    pub async fn come_back(&mut self, teller: &Teller) -> Result<()> {
        let again = |pod: &Pod| {
            container(pod).is_some_and(|it| it.ready && it.restart_count >= self.killed)
        };
        let pod = self.pod().await?.name_any();
        let what = "its container to be started again and ready";
        wait_for(&self.api()?, &pod, what, PATIENCE, again).await?;
        self.show_pods(teller).await?;
        teller.happened("the node has started it again in its Pod, and it is ready");
        Ok(())
    }

    /// As [`Operator::invite`](super::Operator::invite).
    pub async fn invite(&self, stage: &Stage, teller: &Teller) -> Result<()> {
        teller.typed(&format!("kubectl get pods {}", self.in_namespace()));
        for page in ["debug/state", "metrics"] {
            teller.typed(&format!("kubectl get --raw {}", self.page(page)));
        }
        let log = self.pods.bench().node().log_file(&self.pod().await?);
        teller.typed(&stage.inside(&format!("tail -f {}", log.display())));
        Ok(())
    }

    /// As [`Operator::evidence`](super::Operator::evidence).
    pub async fn evidence(&self) -> String {
        let objects = self.kubectl().run(&["get", "pods,events"]).await;
        let objects = objects.unwrap_or_else(|error| format!("{error:#}"));
        let log = match self.pod().await {
            Ok(pod) => log_tail(&self.pods.bench().node().log_file(&pod), LOG_LINES),
            Err(error) => format!("({error:#})"),
        };
        format!(
            "--- kubectl get pods,events {}\n{objects}\n--- the end of the operator's log\n{log}",
            self.in_namespace()
        )
    }

    /// As [`Operator::remove`](super::Operator::remove).
    pub async fn remove(&self, kinds: &str, teller: &Teller) -> Result<()> {
        let (operator, namespace) = (self.namespace(), self.in_namespace());
        let (helm, kubectl) = (self.helm(), self.kubectl());
        let uninstall = ["uninstall", operator, &namespace, "--wait"];
        teller.shown(&helm.tell(teller, &uninstall).await?);
        let of_release = format!("--selector={}", self.label());
        until("the operator's Pod to end", PATIENCE, || self.has_ended()).await?;
        let given = ["get", GIVEN, "--all-namespaces", "-o", "name", &of_release];
        let left = kubectl.run(&given).await?;
        ensure!(left.is_empty(), "`helm uninstall` has left {left}");
        teller.happened("the operator has ended, and its rights are gone");

        let kept = kubectl.show(teller, &["get", "crds", "-o", "name"]).await?;
        for kind in kinds.split(',') {
            let definition = format!("/{kind}.");
            ensure!(
                kept.contains(&definition),
                "no definition of {kind} was kept: {kept}"
            );
        }
        teller.happened(
            "the definitions of its kinds stay: what users have of them would go with them",
        );
        kubectl
            .show(teller, &["get", "secrets,leases", &namespace, "-o", "name"])
            .await?;
        teller.happened("so does what the operator has made for itself, until its namespace goes");
        let delete = ["delete", "namespace", operator, "--timeout=60s"];
        kubectl.show(teller, &delete).await.map(drop)
    }

    async fn has_ended(&self) -> Result<(), String> {
        let pods = self.list().await.map_err(|error| format!("{error:#}"))?;
        let names: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
        match names.is_empty() {
            true => Ok(()),
            false => Err(names.join(", ")),
        }
    }

    async fn show_pods(&self, teller: &Teller) -> Result<()> {
        let (kubectl, namespace) = (self.kubectl(), self.in_namespace());
        let get = ["get", "pods", &namespace];
        kubectl.show(teller, &get).await.map(drop)
    }

    /// Its Pod; there is one.
    async fn pod(&self) -> Result<Pod> {
        let mut found = self.list().await?;
        found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        found.pop().context("it has no Pod")
    }

    async fn list(&self) -> Result<Vec<Pod>> {
        let its = ListParams::default().labels(&self.label());
        Ok(self.api()?.list(&its).await?.items)
    }

    fn api(&self) -> Result<Api<Pod>> {
        let client = self.pods.bench().cluster().client()?;
        Ok(Api::namespaced(client, self.namespace()))
    }

    fn helm(&self) -> Helm<'_> {
        Helm::new(self.pods.helm(), self.pods.bench().cluster())
    }

    /// By which all that belongs to it is found.
    fn label(&self) -> String {
        format!("app.kubernetes.io/instance={}", self.wish.operator)
    }

    fn namespace(&self) -> &'static str {
        self.wish.operator
    }

    fn in_namespace(&self) -> String {
        format!("--namespace={}", self.namespace())
    }

    /// What it serves at its port for metrics, by the API server's proxy.
    fn page(&self, path: &str) -> String {
        let (namespace, name) = (self.namespace(), self.wish.name);
        format!("/api/v1/namespaces/{namespace}/services/{name}:metrics/proxy/{path}")
    }
}

/// Its only container.
fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers.first()
}
