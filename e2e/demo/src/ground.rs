//! The cluster that all scenes share.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use harness::{Cluster, ControlPlane};

use crate::kubectl::Kubectl;
use crate::place::Place;
use crate::pods::Pods;
use crate::teller::Teller;

/// A cluster. One that was started for the demo ends with this value.
pub enum Ground {
    /// Ours: the operators are installed from their charts, which bring the project's kinds.
    Pods(Arc<Pods>),
    /// Ours, with the project's kinds and without Pods.
    ControlPlane(Box<ControlPlane>),
    /// Somebody's, with the project's kinds. It outlives the demo, which must leave nothing else behind.
    Theirs(Cluster),
}

impl Ground {
    /// Starts a cluster in which these operators can be installed, or takes somebody's.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log.
    pub async fn prepare(teller: &Teller, place: Place, operators: &[&str]) -> Result<Self> {
        teller.chapter("The stage");
        let ground = match place {
            Place::Pods(doorway) => Self::Pods(Arc::new(Pods::start(doorway, operators).await?)),
            Place::Processes(why) => {
                teller.happened(&format!(
                    "no Pods can run here, so each operator is a process and no release of its chart: {why}"
                ));
                Self::ControlPlane(Box::new(ControlPlane::start().await?))
            }
            Place::Theirs(file) => {
                teller.happened(
                    "each operator is a process of this machine: its chart would take an image from a registry",
                );
                Self::Theirs(Cluster::from_kubeconfig(&file).await?)
            }
        };
        let url = ground.cluster().url();
        match &ground {
            Self::Pods(_) => teller.happened(&format!(
                "a Kubernetes API server answers at {url}, and a node takes Pods, in a network of their own"
            )),
            Self::ControlPlane(_) | Self::Theirs(_) => {
                teller.happened(&format!("a Kubernetes API server answers at {url}"));
                define(ground.cluster()).await?;
                teller.happened("it knows the project's kinds, from crds/");
            }
        }
        Ok(ground)
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        match self {
            Self::Pods(pods) => pods.bench().cluster(),
            Self::ControlPlane(control_plane) => control_plane,
            Self::Theirs(cluster) => cluster,
        }
    }

    /// Where operators reach what this process serves.
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Pods(pods) => pods.bench().address(),
            Self::ControlPlane(_) | Self::Theirs(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Whether the cluster outlives the demo.
    pub fn is_borrowed(&self) -> bool {
        matches!(self, Self::Theirs(_))
    }
}

async fn define(cluster: &Cluster) -> Result<()> {
    let crds = tree().join("crds");
    let crds = crds.to_string_lossy();
    let kubectl = Kubectl::new(cluster, "default");
    kubectl
        .run(&["apply", "--server-side", "-f", &crds])
        .await?;
    let established = ["wait", "--for=condition=Established", "--timeout=60s"];
    let definitions = [&established[..], &["-f", &crds]].concat();
    kubectl.run(&definitions).await.map(drop)
}

/// The root of the source tree.
pub fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
