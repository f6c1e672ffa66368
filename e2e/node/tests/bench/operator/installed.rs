//! An operator in a namespace, with its account, its rights and its settings.

use anyhow::{Context, Result};
use cloud_operator::{LEASE, NAME, rbac};
use crd_types::aws::v1alpha1::crds;
use harness::wait::{PATIENCE, until, wait_for};
use harness::{Leader, Namespace};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use node::Bench;
use operator_core::process::certs::SelfSigned;
use serde_json::{Value, json};

use super::deployment::{Wish, deployment};
use crate::stage::{apply, restricted};

/// An operator in a namespace of its own, which is also the one that it watches.
pub struct Installed<'a> {
    bench: &'a Bench,
    pub namespace: Namespace,
}

impl<'a> Installed<'a> {
    /// All but the Deployment.
    pub async fn prepared(bench: &'a Bench) -> Result<Self> {
        bench.cluster().install_crds(crds()).await?;
        let namespace = restricted(bench, "operator").await?;
        let installed = Self { bench, namespace };
        let (name, namespace) = (NAME, installed.name());
        let metadata = json!({ "name": name, "namespace": namespace });
        let settings = json!({
            "WATCH_NAMESPACES": namespace, "LOG_FORMAT": "json", "METRICS_SECURE": "false",
        });
        for object in [
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": settings }),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": {
                    "selector": { "app": name },
                    "ports": [{ "name": "webhooks", "port": 443, "targetPort": "webhooks" }],
                },
            }),
        ] {
            apply(bench, object).await?;
        }
        Ok(installed)
    }

    /// All of it, at work.
    pub async fn new(bench: &'a Bench, wish: Wish) -> Result<Self> {
        let installed = Self::prepared(bench).await?;
        installed.grant(rbac::election(), rbac::watched()).await?;
        installed.deploy(&wish).await?;
        installed.available().await?;
        Ok(installed)
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Gives its account the rules of the lease and of what it watches, besides those that hold cluster-wide.
    pub async fn grant(&self, election: Vec<PolicyRule>, watched: Vec<PolicyRule>) -> Result<()> {
        let certificate = SelfSigned::rules_for(vec![format!("{NAME}-serving-cert")]);
        let own = [election, watched, certificate].concat();
        let anyway = [
            rbac::namespaces(),
            rbac::installation(),
            rbac::admission(self.name()),
        ]
        .concat();
        let account = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": self.name() }]);
        for (kind, metadata, rules) in [
            (
                "Role",
                json!({ "name": NAME, "namespace": self.name() }),
                own,
            ),
            ("ClusterRole", json!({ "name": self.name() }), anyway),
        ] {
            let api = "rbac.authorization.k8s.io";
            let (role, binding) = (format!("{api}/v1"), format!("{kind}Binding"));
            let reference = json!({ "apiGroup": api, "kind": kind, "name": metadata["name"] });
            apply(
                self.bench,
                json!({ "apiVersion": role, "kind": kind, "metadata": metadata, "rules": rules }),
            )
            .await?;
            apply(
                self.bench,
                json!({
                    "apiVersion": role, "kind": binding, "metadata": metadata,
                    "roleRef": reference, "subjects": account,
                }),
            )
            .await?;
        }
        Ok(())
    }

    /// Makes or changes its Deployment.
    pub async fn deploy(&self, wish: &Wish) -> Result<()> {
        apply(self.bench, deployment(self.name(), wish))
            .await
            .map(drop)
    }

    /// Waits until the rollout is complete.
    pub async fn available(&self) -> Result<Deployment> {
        wait_for(
            &self.namespace.api()?,
            NAME,
            "the rollout to be complete",
            2 * PATIENCE,
            complete,
        )
        .await
    }

    /// Its Pods that are to stay.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = self.namespace.api()?;
        let mine = ListParams::default().labels(&format!("app={NAME}"));
        let mut found = pods.list(&mine).await?.items;
        found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(found)
    }

    /// Their names.
    pub async fn names(&self) -> Result<Vec<String>> {
        let pods = self.pods().await?;
        Ok(pods.iter().map(ResourceExt::name_any).collect())
    }

    /// One of its Pods.
    pub async fn pod(&self) -> Result<Pod> {
        self.pods().await?.pop().context("a Pod")
    }

    /// Waits until a Pod's log has `text`.
    pub async fn logs(&self, pod: &Pod, text: &str) -> Result<()> {
        let said = || async {
            let log = self.bench.node().log(pod).map_err(|e| e.to_string())?;
            if log.contains(text) { Ok(()) } else { Err(log) }
        };
        until(&format!("the log to say {text:?}"), PATIENCE, said).await
    }

    /// Waits until somebody leads who fits, and says who.
    pub async fn leader(&self, fits: impl Fn(&Leader) -> bool) -> Result<Leader> {
        self.namespace.leader(LEASE, fits).await
    }

    /// Changes its settings.
    pub async fn set(&self, data: Value) -> Result<()> {
        let configs: Api<ConfigMap> = self.namespace.api()?;
        let patch = Patch::Merge(json!({ "data": data }));
        configs.patch(NAME, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}

/// Whether its rollout is.
pub fn complete(deployment: &Deployment) -> Result<(), String> {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|it| it.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let observed = status.observed_generation == deployment.metadata.generation;
    let counts = [
        status.replicas,
        status.updated_replicas,
        status.available_replicas,
    ];
    match observed && counts == [Some(wanted); 3] {
        true => Ok(()),
        false => Err(format!("{counts:?} of {wanted}")),
    }
}
