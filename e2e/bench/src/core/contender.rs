//! Who is compared, and how each is started.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::WORKERS;

/// The programs that do the job.
#[derive(clap::Args)]
pub struct Programs {
    /// The program on operator-core.
    #[arg(long, value_name = "FILE")]
    core: PathBuf,
    /// The program on controller-runtime.
    #[arg(long, value_name = "FILE")]
    go: PathBuf,
    /// The program on kube's Controller.
    #[arg(long, value_name = "FILE")]
    kube: PathBuf,
}

/// Who does the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    Core,
    Go,
    Kube,
}

impl Contender {
    pub const ALL: [Self; 3] = [Self::Core, Self::Go, Self::Kube];

    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "operator-core",
            Self::Go => "controller-runtime",
            Self::Kube => "kube's Controller",
        }
    }

    /// Whether replicas of it elect a leader.
    pub fn elects(self) -> bool {
        self != Self::Kube
    }

    /// Starts it for the cluster of `kubeconfig`, with its Lease in `namespace`. Another `revision` changes
    /// every config map.
    pub fn command(
        self,
        programs: &Programs,
        kubeconfig: &Path,
        namespace: &str,
        revision: &str,
    ) -> Command {
        let program = match self {
            Self::Core => &programs.core,
            Self::Go => &programs.go,
            Self::Kube => &programs.kube,
        };
        let mut command = Command::new(program);
        command
            .env_clear()
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--revision={revision}"));
        match self {
            Self::Core => command
                .arg(format!("--leader-election-namespace={namespace}"))
                .arg(format!("--max-concurrent-reconciles={WORKERS}"))
                .args(["--api-write-rate=0", "--log-level=error"])
                .args(["--metrics-bind-address=0", "--health-probe-bind-address=0"]),
            Self::Go => command
                .arg(format!("--lease-namespace={namespace}"))
                .arg(format!("--workers={WORKERS}")),
            Self::Kube => command.arg(format!("--workers={WORKERS}")),
        };
        command
    }
}
