//! A chart that is installed in a namespace.

use std::fmt::Write;

use anyhow::{Context, Result};
use charts::{Helm, WAITING};
use harness::Namespace;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, LogParams};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::Ground;

/// What every release is called; namespaces tell them apart.
const NAME: &str = "installed";
/// How much of a Pod's log an error shows.
const LOG_LINES: usize = 20;

/// The release of a namespace.
#[derive(Debug)]
pub struct Release<'a> {
    ground: &'a Ground,
    helm: &'static Helm,
    namespace: Namespace,
}

impl<'a> Release<'a> {
    /// Nothing is installed yet, in a namespace of its own that takes Pods of the profile `restricted` alone.
    ///
    /// # Errors
    /// When the API server refuses the namespace.
    pub async fn new(ground: &'a Ground, helm: &'static Helm, prefix: &str) -> Result<Self> {
        let namespace = ground.restricted_namespace(prefix).await?;
        Ok(Self {
            ground,
            helm,
            namespace,
        })
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Installs a chart or upgrades to it, and returns when Helm finds all of it ready.
    ///
    /// # Errors
    /// What Helm says, and what the Pods say.
    pub async fn roll_out(&self, chart: &str, values: Value) -> Result<()> {
        self.roll_out_with(&[], chart, values).await
    }

    /// The same with more of Helm's options.
    ///
    /// # Errors
    /// What Helm says, and what the Pods say.
    pub async fn roll_out_with(
        &self,
        options: &[&'static str],
        chart: &str,
        values: Value,
    ) -> Result<()> {
        let (helm, chart) = (self.helm, charts::chart(chart));
        let cluster = self.ground.cluster().kubeconfig().to_owned();
        let namespace = self.namespace.name().to_owned();
        let options = [&WAITING[..], options].concat();
        let asked = move || helm.upgrade(&cluster, &chart, &namespace, &values, &options);
        self.explained(spawn_blocking(asked).await?).await
    }

    /// Goes back to a revision, and returns when Helm finds all of it ready.
    ///
    /// # Errors
    /// What Helm says, and what the Pods say.
    pub async fn roll_back(&self, revision: u32) -> Result<()> {
        let revision = revision.to_string();
        let [wait, timeout] = WAITING;
        let asked = self.helm(&["rollback", NAME, &revision, wait, timeout]);
        self.explained(asked).await
    }

    /// Uninstalls it, and returns when its Pods are gone.
    ///
    /// # Errors
    /// What Helm says, or which Pods stay.
    pub async fn uninstall(&self) -> Result<()> {
        self.helm(&["uninstall", NAME])?;
        self.ground.no_pods(self.namespace.name()).await
    }

    fn helm(&self, arguments: &[&str]) -> Result<()> {
        let cluster = self.ground.cluster().kubeconfig();
        let done = self.helm.on(cluster, self.namespace.name(), arguments);
        done.map(drop)
    }

    /// The Deployments' names.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn deployments(&self) -> Result<Vec<String>> {
        let deployments: Api<Deployment> = self.namespace.api()?;
        let found = deployments.list(&ListParams::default()).await?.items;
        Ok(found.iter().map(ResourceExt::name_any).collect())
    }

    /// Its Pods that are not about to end.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = self.namespace.api()?;
        let own = ListParams::default().labels(&format!("app.kubernetes.io/instance={NAME}"));
        let mut found = pods.list(&own).await?.items;
        found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(found)
    }

    /// What its Pods have written.
    ///
    /// # Errors
    /// When a Pod was not started.
    pub async fn logs(&self) -> Result<String> {
        let mut text = String::new();
        for pod in self.pods().await? {
            text += &self.log(&pod.name_any()).await?;
        }
        Ok(text)
    }

    /// What a Pod of the namespace has written.
    ///
    /// # Errors
    /// When it was not started.
    pub async fn log(&self, pod: &str) -> Result<String> {
        let pods: Api<Pod> = self.namespace.api()?;
        let log = pods.logs(pod, &LogParams::default()).await;
        log.with_context(|| format!("the log of {pod}"))
    }

    /// Kills a Pod: it has no time to end in order.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn kill(&self, pod: &str) -> Result<()> {
        let pods: Api<Pod> = self.namespace.api()?;
        let at_once = DeleteParams::default().grace_period(0);
        pods.delete(pod, &at_once).await?;
        Ok(())
    }

    /// Where Helm has given up, what the Pods say.
    async fn explained(&self, done: Result<()>) -> Result<()> {
        let Err(error) = done else {
            return Ok(());
        };
        let pods = self.pods().await.unwrap_or_default();
        let mut said = String::new();
        for pod in &pods {
            let log = self.log(&pod.name_any()).await;
            let log = log.unwrap_or_else(|e| format!("{e:#}"));
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
            let status = serde_json::to_string(&pod.status)?;
            write!(
                said,
                "\nPod {}: {status}\n{}",
                pod.name_any(),
                last.join("\n")
            )?;
        }
        Err(error.context(format!("Helm gave up; its Pods: {said}")))
    }
}
