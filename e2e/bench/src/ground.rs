//! What an operator is measured on: a control plane of its own, and the way to it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use harness::{ControlPlane, Namespace, scratch::Scratch};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// A control plane with these kinds, and a namespace for their objects.
pub struct Ground {
    pub namespace: Namespace,
    scratch: Scratch,
    _control_plane: ControlPlane,
}

impl Ground {
    pub async fn prepare(kinds: Vec<CustomResourceDefinition>) -> Result<Self> {
        let control_plane = ControlPlane::start().await?;
        control_plane.install_crds(kinds).await?;
        let namespace = control_plane.namespace("bench").await?;
        let scratch = Scratch::new("bench")?;
        control_plane.write_kubeconfig(&kubeconfig(scratch.path()))?;
        Ok(Self {
            namespace,
            scratch,
            _control_plane: control_plane,
        })
    }

    /// The settings by which an operator finds its way.
    pub fn settings(&self) -> [String; 3] {
        let name = self.namespace.name();
        [
            format!("--kubeconfig={}", kubeconfig(self.scratch.path()).display()),
            format!("--leader-election-namespace={name}"),
            format!("--pod-namespace={name}"),
        ]
    }

    /// A folder for what the operator writes and reads.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }
}

fn kubeconfig(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}
