//! A real API server for work by hand, and the one that the tests share.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::project::Project;

/// The harness's program that runs etcd, kube-apiserver and kube-controller-manager.
pub const PROGRAM: &str = "control-plane";

/// Start a real control plane with the project's CRDs and run it until Ctrl-C.
///
/// Prints the line `export KUBECONFIG=...` when it serves. What it stores goes
/// away with it.
#[derive(Args)]
pub struct ControlPlane {}

impl ControlPlane {
    pub fn run(self, project: &Project) -> Result<()> {
        project.build(&[PROGRAM])?;
        let crds = project.crds();
        project.exec(PROGRAM, [OsStr::new("--crds"), crds.as_os_str()], &[])
    }
}

/// A control plane for one run of the tests.
///
/// It ends with this value, and with this process however that ends, because
/// its standard input closes then.
pub struct Shared {
    kubeconfig: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Shared {
    /// Starts one that was built before, with this variable, and waits until it serves.
    pub fn start(project: &Project, (name, value): (&str, &str)) -> Result<Self> {
        let program = project.program(PROGRAM);
        let mut child = Command::new(&program)
            .arg("--until-stdin-closes")
            .env(name, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("standard output is piped")?;
        let mut shared = Self {
            kubeconfig: PathBuf::new(),
            child,
            stdin,
        };
        for line in BufReader::new(stdout).lines() {
            if let Some(kubeconfig) = exported(&line?) {
                shared.kubeconfig = kubeconfig;
                return Ok(shared);
            }
        }
        let status = shared.child.wait()?;
        bail!("the control plane ended before it served ({status}); its own messages stand above")
    }

    /// The administrator's kubeconfig file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("while the control plane ended: {error}");
        }
    }
}

/// The file that a line `export KUBECONFIG=FILE` names; a shell's quotes around it are not part of it.
fn exported(line: &str) -> Option<PathBuf> {
    let file = line.strip_prefix("export KUBECONFIG=")?;
    let unquoted = file
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    Some(PathBuf::from(unquoted.unwrap_or(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_export_line_names_the_kubeconfig() {
        let plain = Some(PathBuf::from("/tmp/a/kubeconfig"));
        assert_eq!(exported("export KUBECONFIG=/tmp/a/kubeconfig"), plain);
        assert_eq!(
            exported("export KUBECONFIG='/tmp/a b/kubeconfig'"),
            Some(PathBuf::from("/tmp/a b/kubeconfig"))
        );
        assert_eq!(exported("etcd is up"), None);
    }
}
