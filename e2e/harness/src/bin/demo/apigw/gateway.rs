//! A gateway as a process of its own, and what it proves with who it is.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::plain;
use harness::port::Port;
use harness::process::{self, Child};
use harness::wait::{PATIENCE, wait_for};
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use crate::operator::{LOG_LINES, beside_this_program, ends_well};
use crate::stage::Stage;

/// The program.
pub const PROGRAM: &str = "gateway";

/// The keys of a Secret with a certificate.
const FILES: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

/// What every gateway of a stage is started with.
pub struct Equipment {
    /// The operator as gateways dial it, `host:port`, and where that is.
    pub operator: (String, SocketAddr),
    /// The names of services, `host:port`, that are at this address.
    pub services: (&'static [&'static str], SocketAddr),
    /// A folder with the gateways' certificate, its key and the operator's authority.
    pub certificates: PathBuf,
}

impl Equipment {
    /// What TLS and the operator's address take on the command line, with files in the folder `certificates`.
    pub fn connection(&self, certificates: &Path) -> Vec<String> {
        let [authority, certificate, key] = FILES.map(|name| certificates.join(name));
        vec![
            format!("--operator-address={}", self.operator.0),
            "--operator-tls".to_owned(),
            format!("--operator-ca-file={}", authority.display()),
            format!("--operator-cert-file={}", certificate.display()),
            format!("--operator-key-file={}", key.display()),
        ]
    }

    /// Names that a cluster's DNS would know, on the command line.
    fn names(&self) -> Vec<String> {
        let (operator, address) = &self.operator;
        let services = self.services.0.iter().map(|name| (*name, self.services.1));
        [(operator.as_str(), *address)]
            .into_iter()
            .chain(services)
            .map(|(name, address)| format!("--resolve={name}={address}"))
            .collect()
    }
}

/// Writes the Secret `name` into files, as a Pod has them that mounts it. Waits until the operator has issued it.
///
/// # Errors
/// When that does not happen in time.
pub async fn mount(stage: &Stage, name: &str, folder: &Path) -> Result<()> {
    let api = stage.namespace().api::<Secret>()?;
    let issued = |secret: &Secret| {
        let data = secret.data.as_ref();
        FILES
            .iter()
            .all(|key| data.is_some_and(|data| data.contains_key(*key)))
    };
    let secret = wait_for(&api, name, "a certificate in it", PATIENCE, issued).await?;
    let data = secret.data.context("it has a certificate")?;
    for key in FILES {
        fs::write(folder.join(key), &data[key].0)?;
    }
    Ok(())
}

/// A running gateway.
pub struct Gateway {
    name: String,
    process: Child,
    port: Port,
}

impl Gateway {
    /// Starts one. Its log is in the folder `logs`.
    ///
    /// # Errors
    /// When it is not built.
    pub fn start(name: &str, equipment: &Equipment, logs: &Path) -> Result<Self> {
        let port = Port::reserve()?;
        let mut command = Command::new(beside_this_program(PROGRAM)?);
        command
            .args(["--gateway-name", name, "--pod-name", name])
            .args(["--listen", &port.address().to_string()])
            .args(equipment.connection(&equipment.certificates))
            .args(equipment.names())
            .process_group(0);
        Ok(Self {
            process: process::spawn(command, &logs.join(format!("{name}.log")))?,
            name: name.to_owned(),
            port,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is served at this path, as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.port.address())
    }

    /// Asks it for `path`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<(StatusCode, String)> {
        plain::get(&self.url(path)).await
    }

    /// Kills it where it stands.
    pub async fn kill(self) -> Result<()> {
        self.process.kill().await;
        self.complains_of_nothing()
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it does not end as it should, or saw the operator break the protocol.
    pub async fn stop(&self) -> Result<()> {
        ends_well(&self.process).await?;
        self.complains_of_nothing()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail(LOG_LINES)
    }

    fn complains_of_nothing(&self) -> Result<()> {
        let log = fs::read_to_string(self.process.log())?;
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let complaints: Vec<_> = events.filter(|it| it["event"] == "violation").collect();
        ensure!(
            complaints.is_empty(),
            "{} complains: {complaints:?}",
            self.name
        );
        Ok(())
    }
}
