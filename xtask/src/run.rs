//! An operator from source, against a cluster of your choice.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::project::Project;

/// What suits work by hand, where the environment does not say otherwise.
const SETTINGS: [(&str, &str); 3] = [
    ("LOG_FORMAT", "human"),
    ("LEADER_ELECTION_NAMESPACE", "default"),
    ("METRICS_SECURE", "false"),
];

/// Build an operator and run it from source against a cluster.
///
/// The cluster must have the project's CRDs; one that has them comes from
/// `cargo xtask control-plane` in another terminal.
#[derive(Args)]
pub struct Run {
    /// The operator's crate, for example `cloud-operator` or only `cloud`
    operator: String,

    /// The cluster's kubeconfig file; the variable KUBECONFIG is ignored on purpose, as it may name production
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,

    /// Arguments for the operator; `-- --help` lists them
    #[arg(last = true)]
    args: Vec<OsString>,
}

impl Run {
    pub fn run(self, project: &Project) -> Result<()> {
        let operator = project.operator(&self.operator)?;
        project.build(&[&operator])?;
        let unset: Vec<_> = SETTINGS
            .into_iter()
            .filter(|(name, _)| env::var_os(name).is_none())
            .collect();
        let kubeconfig = [OsStr::new("--kubeconfig"), self.kubeconfig.as_os_str()];
        let args = kubeconfig
            .into_iter()
            .chain(self.args.iter().map(OsString::as_os_str));
        project.exec(&operator, args, &unset)
    }
}
