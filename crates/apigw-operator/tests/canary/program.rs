//! The operator as a program of its own, which says all that it has to say.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use harness::{
    port::Port,
    process::{self, Child, Signal},
    scratch::Scratch,
};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

use crate::stage::{PATIENCE, Stage};

/// Killed when dropped.
pub struct Program {
    child: Child,
    metrics: Port,
    probes: Port,
    _folder: Scratch,
}

impl Program {
    /// Starts it with the usual settings of a stage, at this level of logs and in this format.
    pub fn start(stage: &Stage, level: &str, format: &str) -> Result<Self> {
        let folder = Scratch::new("canary")?;
        let kubeconfig = folder.path().join("kubeconfig");
        let user = stage.cluster.config();
        stage.api.write_kubeconfig(&user, &kubeconfig)?;
        let (metrics, probes) = (Port::reserve()?, Port::reserve()?);
        let mut settings = stage.settings();
        settings.retain(|it| !it.ends_with("-bind-address=0"));
        settings.extend([
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--metrics-bind-address={}", metrics.address()),
            "--metrics-secure=false".to_owned(),
            format!("--health-probe-bind-address={}", probes.address()),
        ]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigw-operator"));
        command
            .env_clear()
            .envs([("LOG_LEVEL", level), ("LOG_FORMAT", format)])
            .args(settings);
        let child = process::spawn(command, &folder.path().join("output"))?;
        Ok(Self {
            child,
            metrics,
            probes,
            _folder: folder,
        })
    }

    /// All that it has written, to standard output and standard error.
    pub fn output(&self) -> String {
        let output = fs::read(self.child.log()).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    }

    /// What it shows at each of its addresses, by the path.
    pub async fn pages(&self) -> Result<Vec<(&'static str, String)>> {
        let mut pages = Vec::new();
        for (port, path) in [
            (&self.metrics, "/metrics"),
            (&self.metrics, "/debug/state"),
            (&self.probes, "/readyz?verbose"),
        ] {
            let client: Client<_, Empty<Bytes>> =
                Client::builder(TokioExecutor::new()).build_http();
            let url = format!("http://{}{path}", port.address());
            let answer = client.get(url.parse()?).await?;
            ensure!(answer.status() == 200, "{path}: {}", answer.status());
            let body = answer.into_body().collect().await?.to_bytes();
            pages.push((path, String::from_utf8(body.to_vec())?));
        }
        Ok(pages)
    }

    /// Asks it to end by SIGTERM, and waits until it has.
    pub async fn terminate(&self) -> Result<()> {
        self.child.signal(Signal::TERM)?;
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("it did not end")?;
        ensure!(status.success(), "{status}: {}", self.child.log_tail(20));
        Ok(())
    }
}
