//! The operator, as installed: a release of its chart where there are Pods, else a process.

mod process;
mod release;

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::Value;

use self::process::Process;
use self::release::Release;
use crate::ground::Ground;
use crate::kubectl::Kubectl;
use crate::stage::Stage;
use crate::teller::Teller;

/// What is to be installed. What it is told is said twice, as a chart is told and as a program is.
pub struct Wish {
    /// Its chart, and its program.
    pub operator: &'static str,
    /// What it calls itself, and what its Service is called.
    pub name: &'static str,
    /// Values of the chart, as `--set` takes them.
    pub values: Vec<String>,
    /// The program's flags.
    pub flags: Vec<String>,
    /// A port at which others dial it.
    pub dialled: Option<Dialled>,
}

/// A port at which an operator is dialled.
#[derive(Clone, Copy)]
pub struct Dialled {
    /// Its number, wherever it is the operator's own to choose.
    pub port: u16,
    /// The flag for the address that is served.
    pub flag: &'static str,
}

/// An operator that looks after a stage.
pub struct Operator(Way);

enum Way {
    Release(Release),
    Process(Box<Process>),
}

impl Operator {
    /// Installs it, and returns when it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the message has the end of its log.
    pub async fn install(stage: &Stage, teller: &Teller, wish: Wish) -> Result<Self> {
        Ok(Self(match stage.ground() {
            Ground::Pods(pods) => Way::Release(Release::install(pods, teller, wish).await?),
            _ => Way::Process(Box::new(Process::start(stage, teller, wish).await?)),
        }))
    }

    /// The port at which others dial it: its name there, `host:port`, and where that is.
    ///
    /// # Errors
    /// When it has none.
    pub async fn dialled(&self) -> Result<(String, SocketAddr)> {
        match &self.0 {
            Way::Release(release) => release.dialled().await,
            Way::Process(process) => process.dialled(),
        }
    }

    /// What it says at `/debug/state`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn state(&self) -> Result<Value> {
        match &self.0 {
            Way::Release(release) => release.state().await,
            Way::Process(process) => process.state().await,
        }
    }

    /// Which of its processes holds the lease; empty for none.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn holder(&self) -> Result<String> {
        match &self.0 {
            Way::Release(release) => holder(&release.kubectl()).await,
            Way::Process(process) => holder(&process.kubectl()).await,
        }
    }

    /// Kills it where it stands, and tells so.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, teller: &Teller) -> Result<()> {
        match &mut self.0 {
            Way::Release(release) => release.kill(teller).await,
            Way::Process(process) => process.kill(teller).await,
        }
    }

    /// Returns when it is ready again after it was killed, and tells who started it.
    ///
    /// # Errors
    /// When it is not.
    pub async fn come_back(&mut self, teller: &Teller) -> Result<()> {
        match &mut self.0 {
            Way::Release(release) => release.come_back(teller).await,
            Way::Process(process) => process.come_back(teller).await,
        }
    }

    /// Tells how somebody looks into it from another terminal.
    ///
    /// # Errors
    /// When it cannot be found.
    pub async fn invite(&self, stage: &Stage, teller: &Teller) -> Result<()> {
        match &self.0 {
            Way::Release(release) => release.invite(stage, teller).await?,
            Way::Process(process) => process.invite(teller),
        }
        Ok(())
    }

    /// What is known about it, for a person who looks for a fault.
    pub async fn evidence(&self) -> String {
        match &self.0 {
            Way::Release(release) => release.evidence().await,
            Way::Process(process) => process.evidence(),
        }
    }

    /// Takes it away, and checks and tells what is left of it. There are no objects of its kinds any more.
    ///
    /// # Errors
    /// When it does not go as it should.
    pub async fn remove(&self, kinds: &str, teller: &Teller) -> Result<()> {
        match &self.0 {
            Way::Release(release) => release.remove(kinds, teller).await,
            Way::Process(process) => process.stop(teller).await,
        }
    }
}

/// Who holds the leases of kubectl's namespace.
async fn holder(kubectl: &Kubectl<'_>) -> Result<String> {
    let holder = "jsonpath={.items[*].spec.holderIdentity}";
    kubectl.run(&["get", "leases", "-o", holder]).await
}

/// Its Service's name for a port, as it is dialled from other namespaces.
fn service(wish: &Wish, namespace: &str, port: u16) -> String {
    format!("{}.{namespace}.svc:{port}", wish.name)
}
