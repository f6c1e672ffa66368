//! The operator as a process of its own.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    ApiProxy,
    port::Port,
    process::{self, Child, Signal},
    wait,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{PATIENCE, Scene, last_wins, state::State};

/// The program, started with these settings and in no environment but this. Killed when dropped.
pub struct Program {
    pub child: Child,
    folder: TempDir,
}

/// A program of a scene, which can be asked how it is doing.
pub struct Served {
    pub program: Program,
    metrics: Port,
    probes: Port,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Program {
    pub fn start(settings: &[String], environment: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, settings, environment)
    }

    fn start_in(
        folder: TempDir,
        settings: &[String],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-operator"));
        command
            .env_clear()
            .envs(environment.iter().copied())
            .args(settings);
        let child = process::spawn(command, &folder.path().join("output"))?;
        Ok(Self { child, folder })
    }

    /// All that it has written, to standard output and standard error.
    pub fn output(&self) -> String {
        let output = fs::read(self.child.log()).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Waits until it has written `text`.
    pub async fn says(&self, text: &str) -> Result<()> {
        let said = || async {
            if self.output().contains(text) {
                Ok(())
            } else {
                Err(self.child.log_tail(20))
            }
        };
        wait::until(&format!("the operator to say {text:?}"), PATIENCE, said).await
    }

    /// Waits until it has ended by itself.
    pub async fn ends(&self) -> Result<ExitStatus> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.with_context(|| format!("it did not end:\n{}", self.child.log_tail(20)))
    }

    /// Asks it to end by SIGTERM, and waits until it has.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.child.signal(Signal::TERM)?;
        self.ends().await
    }
}

impl Scene {
    /// The program as this user, with the usual settings; `more` settings win over them.
    pub fn program(
        &self,
        user: &kube::Config,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Served> {
        self.program_behind(&self.api, user, more, environment)
    }

    /// The program behind another proxy than the scene's own.
    pub fn program_behind(
        &self,
        api: &ApiProxy,
        user: &kube::Config,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Served> {
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        api.write_kubeconfig(user, &kubeconfig)?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let mut settings = self.settings();
        settings.extend([
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--metrics-bind-address={}", metrics.address()),
            format!("--health-probe-bind-address={}", probes.address()),
        ]);
        Ok(Served {
            program: Program::start_in(folder, &last_wins(settings, more), environment)?,
            metrics,
            probes,
        })
    }
}

impl Served {
    /// What it says of itself.
    pub fn state(&self) -> State {
        State::at(self.metrics.address())
    }

    pub async fn probe(&self, path: &str) -> Result<Answer> {
        get(self.probes.address(), path).await
    }

    pub async fn ask(&self, path: &str) -> Result<Answer> {
        get(self.metrics.address(), path).await
    }

    /// Waits until it has synced.
    pub async fn ready(&self) -> Result<()> {
        let ready = || async {
            let answer = self.probe("/readyz").await.map_err(|e| format!("{e:#}"))?;
            (answer.status == 200).then_some(()).ok_or(answer.body)
        };
        let ready = wait::until("the operator to be ready", PATIENCE, ready).await;
        ready.with_context(|| self.program.child.log_tail(20))
    }

    /// Waits until `/readyz` says why it is not ready, in these words.
    pub async fn not_ready(&self, why: &str) -> Result<()> {
        let said = || async {
            let answer = self.probe("/readyz").await.map_err(|e| format!("{e:#}"))?;
            let said = answer.status == 500 && answer.body.contains(why);
            said.then_some(()).ok_or(format!("{answer:?}"))
        };
        let said = wait::until(&format!("/readyz to say {why:?}"), PATIENCE, said).await;
        said.with_context(|| self.program.child.log_tail(20))
    }

    /// Every sample of `/metrics`, by its name and labels as they are written.
    pub async fn samples(&self) -> Result<BTreeMap<String, f64>> {
        let answer = self.ask("/metrics").await?;
        ensure!(answer.status == 200, "{answer:?}");
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        lines
            .map(|line| sample(line).with_context(|| format!("not a sample: {line}")))
            .collect()
    }
}

pub(super) async fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of headers")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        anyhow::Ok(Answer {
            status,
            body: body.to_owned(),
        })
    };
    let limit: Duration = PATIENCE;
    timeout(limit, exchange).await.context("no answer")?
}
