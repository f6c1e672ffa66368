//! An operator as a process of its own.

use std::env;
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, anyhow, ensure};
use harness::plain;
use harness::port::Port;
use harness::process::{self, Child, Signal};
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use harness::{Cluster, Namespace};
use http::StatusCode;
use serde_json::Value;

use super::{Wish, holder, service};
use crate::built::{LOG_LINES, ends_well, program};
use crate::kubectl::Kubectl;
use crate::stage::Stage;
use crate::teller::Teller;

/// The built operator, running for one namespace.
pub struct Process {
    running: Child,
    setting: Setting,
}

/// What each of its processes is started with.
struct Setting {
    wish: Wish,
    cluster: Cluster,
    namespace: Namespace,
    metrics: Port,
    probes: Port,
    dialled: Option<Port>,
    folder: Scratch,
}

impl Process {
    /// Starts it for the stage's namespace, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not built or does not become ready; the message has the end of its log.
    pub async fn start(stage: &Stage, teller: &Teller, wish: Wish) -> Result<Self> {
        let setting = Setting {
            cluster: stage.ground().cluster().clone(),
            namespace: stage.namespace().clone(),
            metrics: Port::reserve()?,
            probes: Port::reserve()?,
            dialled: wish.dialled.map(|_| Port::reserve()).transpose()?,
            folder: Scratch::new("demo")?,
            wish,
        };
        let running = setting.start().await?;
        let (operator, process) = (setting.wish.operator, running.pid());
        teller.happened(&format!("{operator} is ready, process {process}"));
        Ok(Self { running, setting })
    }

    /// As [`Operator::dialled`](super::Operator::dialled); the port is another one in truth, as every run has its own.
    pub fn dialled(&self) -> Result<(String, SocketAddr)> {
        let Setting { wish, dialled, .. } = &self.setting;
        let named = wish.dialled.zip(dialled.as_ref());
        let (named, port) = named.context("nobody dials it")?;
        let namespace = self.setting.namespace.name();
        Ok((service(wish, namespace, named.port), port.address()))
    }

    /// As [`Operator::state`](super::Operator::state).
    pub async fn state(&self) -> Result<Value> {
        let (_, state) = plain::get(&format!("{}/debug/state", self.metrics())).await?;
        Ok(serde_json::from_str(&state)?)
    }

    /// kubectl in the namespace of its lease.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(&self.setting.cluster, self.setting.namespace.name())
    }

    /// As [`Operator::kill`](super::Operator::kill).
    pub async fn kill(&mut self, teller: &Teller) -> Result<()> {
        let process = self.running.pid();
        let status = self.running.kill().await;
        ensure!(
            is_kill(status),
            "the operator had ended before, with {status}"
        );
        teller.happened(&format!(
            "the operator was killed (SIGKILL), process {process}"
        ));
        Ok(())
    }

    /// Starts it again.
    pub async fn come_back(&mut self, teller: &Teller) -> Result<()> {
        self.running = self.setting.start().await?;
        let process = self.running.pid();
        teller.happened(&format!(
            "it was started again and is ready, process {process}"
        ));
        Ok(())
    }

    /// As [`Operator::invite`](super::Operator::invite).
    pub fn invite(&self, teller: &Teller) {
        let url = self.metrics();
        teller.typed(&format!("curl -s {url}/debug/state"));
        teller.typed(&format!("curl -s {url}/metrics"));
        teller.typed(&format!("tail -f {}", self.running.log().display()));
    }

    /// As [`Operator::evidence`](super::Operator::evidence).
    pub fn evidence(&self) -> String {
        let log = self.running.log_tail(LOG_LINES);
        format!("--- the end of the operator's log\n{log}")
    }

    /// Asks it to end, and checks that it gives its lease back. One that was killed has nothing left to end.
    pub async fn stop(&self, teller: &Teller) -> Result<()> {
        if self.running.try_wait().is_some_and(is_kill) {
            return Ok(());
        }
        ends_well(&self.running).await?;
        let holder = holder(&self.kubectl()).await?;
        ensure!(
            holder.is_empty(),
            "the operator has ended, and {holder} still holds its lease"
        );
        teller.happened("the operator was asked to end (SIGTERM), gave its lease back and ended");
        Ok(())
    }

    fn metrics(&self) -> String {
        format!("http://{}", self.setting.metrics.address())
    }
}

impl Setting {
    async fn start(&self) -> Result<Child> {
        let operator = self.wish.operator;
        let log = self.folder.path().join(format!("{operator}.log"));
        let running = process::spawn(self.command()?, &log)?;
        let readiness = format!("http://{}/readyz", self.probes.address());
        let awaited = format!("{operator} to be ready");
        let answers = until(&awaited, PATIENCE, || async {
            match plain::get(&readiness).await {
                Ok((StatusCode::OK, _)) => Ok(()),
                Ok((status, checks)) => Err(format!("{status}: {checks}")),
                Err(error) => Err(format!("{error:#}")),
            }
        });
        let started = tokio::select! {
            answered = answers => answered,
            status = running.wait() => Err(anyhow!("{operator} ended with {status}")),
        };
        started.with_context(|| running.log_tail(LOG_LINES))?;
        Ok(running)
    }

    fn command(&self) -> Result<Command> {
        let namespace = self.namespace.name();
        let mut command = Command::new(program(self.wish.operator)?);
        command
            .arg("--kubeconfig")
            .arg(self.cluster.kubeconfig())
            .args(["--watch-namespaces", namespace])
            .args(["--leader-election-namespace", namespace])
            .args(["--pod-namespace", namespace])
            .args([
                "--metrics-bind-address",
                &self.metrics.address().to_string(),
            ])
            .arg("--metrics-secure=false")
            .args([
                "--health-probe-bind-address",
                &self.probes.address().to_string(),
            ])
            .args(["--log-format", "human"])
            .args(&self.wish.flags)
            // Ctrl-C in the terminal is for the demo, which may still need the operator to clean up.
            .process_group(0);
        if let Some((dialled, port)) = self.wish.dialled.zip(self.dialled.as_ref()) {
            command.arg(format!("{}={}", dialled.flag, port.address()));
        }
        // Nothing of the person's own AWS account is for the operator.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        Ok(command)
    }
}

fn is_kill(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
