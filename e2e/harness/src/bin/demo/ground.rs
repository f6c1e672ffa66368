//! The cluster that all scenes share.

use std::path::{Path, PathBuf};

use anyhow::Result;
use harness::{Cluster, ControlPlane};

use crate::kubectl::Kubectl;
use crate::teller::Teller;

/// A cluster that knows the project's kinds. One that was started for the demo ends with this value.
pub struct Ground {
    cluster: Cluster,
    control_plane: Option<ControlPlane>,
}

impl Ground {
    /// Starts a control plane, or takes the cluster of a kubeconfig file.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log.
    pub async fn prepare(teller: &Teller, kubeconfig: Option<&Path>) -> Result<Self> {
        teller.chapter("The stage");
        let (cluster, control_plane) = match kubeconfig {
            Some(file) => (Cluster::from_kubeconfig(file).await?, None),
            None => {
                let started = ControlPlane::start().await?;
                (Cluster::clone(&started), Some(started))
            }
        };
        let url = cluster.url();
        teller.happened(&format!("a Kubernetes API server answers at {url}"));

        let crds = tree().join("crds");
        let crds = crds.to_string_lossy();
        let kubectl = Kubectl::new(&cluster, "default");
        kubectl
            .run(&["apply", "--server-side", "-f", &crds])
            .await?;
        let established = ["wait", "--for=condition=Established", "--timeout=60s"];
        kubectl
            .run(&[&established[..], &["-f", &crds]].concat())
            .await?;
        teller.happened("it knows the project's kinds, from crds/");
        Ok(Self {
            cluster,
            control_plane,
        })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether the cluster outlives the demo, which then must leave nothing behind.
    pub fn is_borrowed(&self) -> bool {
        self.control_plane.is_none()
    }
}

/// The root of the source tree.
pub fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
