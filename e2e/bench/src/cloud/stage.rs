//! What the figures are taken on: a control plane, AWS's stand-in, and the operator's program, started as often as
//! need be.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use crd_types::aws::v1alpha1::crds;
use harness::{port::Port, process};
use operator_core::decide::clock::Clock;

use super::{aws::Aws, buckets::Buckets, operator::Operator};
use crate::ground::Ground;

/// A control plane, and the other end.
pub struct Stage {
    pub clock: Clock,
    pub aws: Aws,
    pub buckets: Buckets,
    program: PathBuf,
    settings: Vec<String>,
    probes: Port,
    _metrics: Port,
    ground: Ground,
}

impl Stage {
    pub async fn set(program: &Path) -> Result<Self> {
        let ground = Ground::prepare(crds()).await?;
        let clock = Clock::system();
        let aws = Aws::start(&clock).await?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let own = [
            format!("--metrics-bind-address={}", metrics.address()),
            format!("--health-probe-bind-address={}", probes.address()),
            format!("--allowed-endpoints={}", aws.url()),
            "--allow-http-endpoints=true".to_owned(),
        ];
        let settings = ground.settings().into_iter().chain(own).collect();
        Ok(Self {
            buckets: Buckets::of(&ground.namespace, aws.url())?,
            clock,
            aws,
            program: program.to_owned(),
            settings,
            probes,
            _metrics: metrics,
            ground,
        })
    }

    /// Starts the operator with these settings besides; one at a time.
    pub async fn start(&self, more: &[&str]) -> Result<Operator> {
        let mut command = Command::new(&self.program);
        command.env_clear().args(&self.settings).args(more);
        let begun = self.clock.now();
        let child = process::spawn(command, &self.ground.folder().join("operator.log"))?;
        Operator::ready(child, begun, &self.clock, self.probes.address()).await
    }
}
