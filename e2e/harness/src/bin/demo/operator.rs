//! An operator as a process of its own.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::plain;
use harness::port::Port;
use harness::process::{self, Child};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use http::StatusCode;

use crate::kubectl::Kubectl;
use crate::stage::Stage;
use crate::teller::Teller;

/// How much of a log an error shows.
pub const LOG_LINES: usize = 20;

/// The built operator, running.
pub struct Operator {
    process: Child,
    metrics: Port,
    _probes: Port,
    _folder: Scratch,
}

impl Operator {
    /// Starts `program` for the stage's namespace, with these arguments beside the usual ones, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it is not built or does not become ready; the message has the end of its log.
    pub async fn start(stage: &Stage, program: &str, args: &[String]) -> Result<Self> {
        let folder = Scratch::new("demo")?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let namespace = stage.namespace().name();
        let mut command = Command::new(beside_this_program(program)?);
        command
            .arg("--kubeconfig")
            .arg(stage.kubeconfig())
            .args(["--watch-namespaces", namespace])
            .args(["--leader-election-namespace", namespace])
            .args(["--metrics-bind-address", &metrics.address().to_string()])
            .arg("--metrics-secure=false")
            .args(["--health-probe-bind-address", &probes.address().to_string()])
            .args(["--log-format", "human"])
            .args(args)
            // Ctrl-C in the terminal is for the demo, which may still need the operator to clean up.
            .process_group(0);
        // Nothing of the person's own AWS account is for the operator.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        let process = process::spawn(command, &folder.path().join(format!("{program}.log")))?;

        let readiness = format!("http://{}/readyz", probes.address());
        let awaited = format!("{program} to be ready");
        let answers = until(&awaited, PATIENCE, || async {
            match plain::get(&readiness).await {
                Ok((StatusCode::OK, _)) => Ok(()),
                Ok((status, checks)) => Err(format!("{status}: {checks}")),
                Err(error) => Err(format!("{error:#}")),
            }
        });
        let started = tokio::select! {
            answered = answers => answered,
            status = process.wait() => Err(anyhow::anyhow!("{program} ended with {status}")),
        };
        started.with_context(|| process.log_tail(LOG_LINES))?;
        Ok(Self {
            process,
            metrics,
            _probes: probes,
            _folder: folder,
        })
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Tells how somebody looks into it from another terminal.
    pub fn invite(&self, teller: &Teller) {
        let url = self.metrics();
        teller.typed(&format!("curl -s {url}/debug/state"));
        teller.typed(&format!("curl -s {url}/metrics"));
        teller.typed(&format!("tail -f {}", self.process.log().display()));
    }

    /// Where it serves `/metrics` and `/debug/state`.
    pub fn metrics(&self) -> String {
        format!("http://{}", self.metrics.address())
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail(LOG_LINES)
    }

    /// Kills it where it stands.
    pub async fn kill(self) {
        self.process.kill().await;
    }

    /// Asks it to end, and checks that it gives its lease back.
    ///
    /// # Errors
    /// When it does not end as it should.
    pub async fn stop(&self, kubectl: &Kubectl<'_>) -> Result<()> {
        ends_well(&self.process).await?;
        let holder = holder(kubectl).await?;
        if !holder.is_empty() {
            bail!("the operator has ended, and {holder} still holds its lease");
        }
        Ok(())
    }
}

/// Who holds the lease of the stage's operator; empty for nobody.
///
/// # Errors
/// When kubectl fails.
pub async fn holder(kubectl: &Kubectl<'_>) -> Result<String> {
    let holder = "jsonpath={.items[*].spec.holderIdentity}";
    kubectl.run(&["get", "leases", "-o", holder]).await
}

/// Asks a program to end (SIGTERM).
///
/// # Errors
/// When it has to be killed or says that something went wrong.
pub async fn ends_well(process: &Child) -> Result<()> {
    let status = process.stop(Duration::from_secs(30)).await;
    if !status.success() {
        let name = process.name();
        bail!("{name} was asked to end (SIGTERM) and ended with {status}");
    }
    Ok(())
}

/// A program of the workspace: Cargo puts them side by side.
///
/// # Errors
/// When it is not built.
pub fn beside_this_program(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if !program.is_file() {
        bail!(
            "{} is not built; `cargo xtask demo` builds all that the demo needs",
            program.display()
        );
    }
    Ok(program)
}
