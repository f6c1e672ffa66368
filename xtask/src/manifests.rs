//! An operator's manifests, for those who do not use Helm.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use tools::HELM_4;
use xshell::cmd;

use crate::project::Project;

/// Print an operator's manifests, as its chart makes them: namespace, definitions, rights, Deployment.
///
/// For example `cargo xtask manifests cloud --namespace cloud-system | kubectl apply --server-side -f -`.
#[derive(Args)]
pub struct Manifests {
    /// The operator, for example `cloud-operator` or only `cloud`
    operator: String,

    /// The namespace that it runs in
    #[arg(long, default_value = "operator-system")]
    namespace: String,

    /// Files with values of the chart
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,

    /// The version of the cluster's API server; from 1.36 on it can be told to leave later definitions as they are, and
    /// before it is told to refuse earlier ones
    #[arg(long, value_name = "VERSION", default_value = "1.30.0")]
    kube_version: String,

    /// Values of the chart, as in `image.registry=registry.example`
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Manifests {
    pub fn run(self, project: &Project) -> Result<()> {
        let operator = project.operator(&self.operator)?;
        let helm = HELM_4.program()?;
        let chart = project.charts().join(&operator);
        let Self {
            namespace,
            values,
            kube_version,
            set,
            ..
        } = &self;
        let values = values
            .iter()
            .map(|file| format!("--values={}", file.display()));
        let set = set.iter().map(|value| format!("--set={value}"));
        let more = values.chain(set);
        let made = cmd!(
            project.shell,
            "{helm} template {operator} {chart} --namespace {namespace} --kube-version {kube_version} {more...}"
        )
        .quiet()
        .read()?;
        println!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n{made}");
        Ok(())
    }
}
