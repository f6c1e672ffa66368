//! What all scenarios stand on.

use std::net::IpAddr;

use anyhow::Result;
use charts::helms;
use harness::wait::{PATIENCE, until};
use harness::{Cluster, Family, Moto, Namespace, binaries::Binaries};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use node::{Bench, sandbox};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tools::{CERT_MANAGER, HELM_3, HELM_4, PROMETHEUS_OPERATOR};

use crate::theirs::{self, Theirs};
use crate::{Aws, definitions, programs, releases};

/// A cluster whose Pods run, and an AWS that they reach.
#[derive(Debug)]
pub struct Ground {
    // First: Pods end before what they work on.
    place: Place,
    aws: Aws,
    /// Those that scenarios have made.
    namespaces: Mutex<Vec<Namespace>>,
}

#[derive(Debug)]
enum Place {
    Ours(Box<Bench>),
    Theirs(Theirs),
}

impl Ground {
    /// Enters namespaces of its own, as [`sandbox::enter`], with all at hand that scenarios need there. Somebody's cluster,
    /// if one is named, is reached from where the process is.
    ///
    /// # Errors
    /// When something cannot be had, or namespaces cannot be made.
    pub fn enter() -> Result<()> {
        if theirs::named().is_some() {
            return Ok(());
        }
        if !sandbox::is_inside()? {
            Runtime::new()?.block_on(Self::prepare())?;
        }
        sandbox::enter()
    }

    /// Has everything built and fetched: in namespaces of its own a process reaches no registry.
    async fn prepare() -> Result<()> {
        Binaries::find().await?;
        Moto::prepare().await?;
        HELM_3.program()?;
        HELM_4.program()?;
        PROMETHEUS_OPERATOR.folder()?;
        CERT_MANAGER.folder()?;
        Ok(())
    }

    /// Takes somebody's cluster, if one is named; else starts one with addresses of this family, in namespaces that this
    /// process has entered.
    ///
    /// # Errors
    /// When somebody's cluster cannot be had to itself, or a part of ours does not start.
    pub async fn start(family: Family) -> Result<Self> {
        let place = match theirs::named() {
            Some(file) => Place::Theirs(Theirs::take(&file).await?),
            None => {
                let bench = Bench::start_on(family, programs::images()?).await?;
                Place::Ours(Box::new(bench))
            }
        };
        let aws = Aws::start(place.address()).await?;
        Ok(Self {
            place,
            aws,
            namespaces: Mutex::default(),
        })
    }

    /// Ends ours; leaves somebody's as it was.
    ///
    /// # Errors
    /// As [`clear`](Self::clear).
    pub async fn stop(self) -> Result<()> {
        if let Place::Theirs(_) = self.place {
            self.clear().await?;
        }
        if let Place::Ours(bench) = self.place {
            bench.stop().await;
        }
        Ok(())
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        match &self.place {
            Place::Ours(bench) => bench.cluster(),
            Place::Theirs(theirs) => &theirs.cluster,
        }
    }

    /// AWS.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Where its Pods reach what this process serves.
    pub fn address(&self) -> IpAddr {
        self.place.address()
    }

    /// The value `image` of charts: what the cluster can run.
    pub fn image(&self) -> Value {
        match &self.place {
            Place::Ours(_) => json!({}),
            Place::Theirs(theirs) => theirs.image.clone(),
        }
    }

    /// A namespace of a scenario's own; it goes when the cluster is cleared.
    ///
    /// # Errors
    /// As [`Cluster::namespace`].
    pub async fn namespace(&self, prefix: &str) -> Result<Namespace> {
        Ok(self.keep(self.cluster().namespace(prefix).await?))
    }

    /// The same, for Pods of the profile `restricted` alone.
    ///
    /// # Errors
    /// As [`Cluster::restricted_namespace`].
    pub async fn restricted_namespace(&self, prefix: &str) -> Result<Namespace> {
        Ok(self.keep(self.cluster().restricted_namespace(prefix).await?))
    }

    fn keep(&self, made: Namespace) -> Namespace {
        self.namespaces.lock().push(made.clone());
        made
    }

    /// Returns when no Pod is left in a namespace.
    ///
    /// # Errors
    /// When some still are after two minutes.
    pub async fn no_pods(&self, namespace: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.cluster().client()?, namespace);
        let none = || async {
            let left = pods.list(&ListParams::default()).await;
            let left = left.map_err(|e| e.to_string())?.items;
            let names: Vec<String> = left.iter().map(ResourceExt::name_any).collect();
            match names.is_empty() {
                true => Ok(()),
                false => Err(names.join(", ")),
            }
        };
        until(
            &format!("the end of all Pods of {namespace}"),
            2 * PATIENCE,
            none,
        )
        .await
    }

    /// Uninstalls what scenarios have installed, and takes away the operators' definitions with all objects of theirs,
    /// and all namespaces that were made: so a scenario that had the cluster for itself leaves it to the next one.
    ///
    /// # Errors
    /// When Helm or the API server refuses.
    pub async fn clear(&self) -> Result<()> {
        let made = self.namespaces.lock().clone();
        let of_scenarios = |namespace: &str| made.iter().any(|it| it.name() == namespace);
        for release in releases::all(self.cluster())? {
            let (namespace, name) = (release.namespace.as_str(), release.name.as_str());
            if of_scenarios(namespace) {
                let [_, helm] = helms()?;
                let cluster = self.cluster().kubeconfig();
                helm.on(cluster, namespace, &["uninstall", name])?;
                // A scenario that failed may have Pods of its own there.
                let pods: Api<Pod> = Api::namespaced(self.cluster().client()?, namespace);
                let all = ListParams::default();
                pods.delete_collection(&DeleteParams::default(), &all)
                    .await?;
                self.no_pods(namespace).await?;
            }
        }
        definitions::forget(&self.cluster().client()?, &made).await?;
        for namespace in &made {
            namespace.delete().await?;
            let is_left = |it: &Namespace| it.name() != namespace.name();
            self.namespaces.lock().retain(is_left);
        }
        Ok(())
    }
}

impl Place {
    fn address(&self) -> IpAddr {
        match self {
            Self::Ours(bench) => bench.address(),
            Self::Theirs(theirs) => theirs.address,
        }
    }
}
