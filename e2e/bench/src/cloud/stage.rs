//! What the figures are taken on: a control plane, AWS's stand-in, and the operator's program, started as often as
//! need be.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use crd_types::aws::v1alpha1::crds;
use harness::{ControlPlane, port::Port, process, scratch::Scratch};
use operator_core::decide::clock::Clock;

use super::{aws::Aws, buckets::Buckets, operator::Operator};

/// A control plane, and the other end.
pub struct Stage {
    pub clock: Clock,
    pub aws: Aws,
    pub buckets: Buckets,
    program: PathBuf,
    settings: Vec<String>,
    probes: Port,
    _metrics: Port,
    scratch: Scratch,
    _control_plane: ControlPlane,
}

impl Stage {
    pub async fn set(program: &Path) -> Result<Self> {
        let control_plane = ControlPlane::start().await?;
        control_plane.install_crds(crds()).await?;
        let namespace = control_plane.namespace("bench").await?;
        let clock = Clock::system();
        let aws = Aws::start(&clock).await?;
        let scratch = Scratch::new("bench")?;
        let kubeconfig = scratch.path().join("kubeconfig");
        control_plane.write_kubeconfig(&kubeconfig)?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let name = namespace.name();
        let settings = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--leader-election-namespace={name}"),
            format!("--pod-namespace={name}"),
            format!("--metrics-bind-address={}", metrics.address()),
            format!("--health-probe-bind-address={}", probes.address()),
            format!("--allowed-endpoints={}", aws.url()),
            "--allow-http-endpoints=true".to_owned(),
        ];
        Ok(Self {
            buckets: Buckets::of(&namespace, aws.url())?,
            clock,
            aws,
            program: program.to_owned(),
            settings,
            probes,
            _metrics: metrics,
            scratch,
            _control_plane: control_plane,
        })
    }

    /// Starts the operator with these settings besides; one at a time.
    pub async fn start(&self, more: &[&str]) -> Result<Operator> {
        let mut command = Command::new(&self.program);
        command.env_clear().args(&self.settings).args(more);
        let begun = self.clock.now();
        let child = process::spawn(command, &self.scratch.path().join("operator.log"))?;
        Operator::ready(child, begun, &self.clock, self.probes.address()).await
    }
}
