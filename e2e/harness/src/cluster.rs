//! A cluster as a test uses it, ours or another: clients, namespaces, definitions, users.

mod apply;
mod crds;
mod leader;
mod namespace;
mod user;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

pub use leader::Leader;
pub use namespace::{Namespace, OF_TESTS};
pub use user::{User, UserRules};

use crate::binaries::Binaries;
use crate::scratch;

/// A cluster that a kubeconfig file gives access to; cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster {
    access: Arc<Access>,
}

#[derive(Debug)]
struct Access {
    file: PathBuf,
    kubeconfig: Kubeconfig,
    config: Config,
}

impl Cluster {
    /// Reads a kubeconfig file and takes its current context. Nothing is contacted yet.
    ///
    /// # Errors
    /// When the file cannot be read or names no usable context.
    pub async fn from_kubeconfig(file: &Path) -> Result<Self> {
        let read = || format!("kubeconfig {}", file.display());
        let kubeconfig = Kubeconfig::read_from(file).with_context(read)?;
        let config = config(kubeconfig.clone()).await.with_context(read)?;
        Ok(Self {
            access: Arc::new(Access {
                file: file.to_owned(),
                kubeconfig,
                config,
            }),
        })
    }

    /// The kubeconfig file, with an administrator's credentials when the cluster is ours.
    pub fn kubeconfig(&self) -> &Path {
        &self.access.file
    }

    /// Writes a kubeconfig that does not depend on other files of the original's folder being where
    /// a relative path expects them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, file: &Path) -> Result<()> {
        write_kubeconfig(&self.access.kubeconfig, file)
    }

    /// Writes the same for who reaches the server at another address.
    ///
    /// # Errors
    /// As [`write_kubeconfig`](Self::write_kubeconfig).
    pub fn write_kubeconfig_at(&self, address: SocketAddr, file: &Path) -> Result<()> {
        let mut kubeconfig = self.access.kubeconfig.clone();
        let clusters = kubeconfig.clusters.iter_mut();
        for cluster in clusters.flat_map(|it| &mut it.cluster) {
            cluster.server = Some(format!("https://{address}"));
        }
        write_kubeconfig(&kubeconfig, file)
    }

    /// What a client is made of. kube's own retries are off: a test wants to see each answer.
    pub fn config(&self) -> Config {
        self.access.config.clone()
    }

    /// A client. Each test makes its own: a client belongs to the runtime in which it was made.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config())?)
    }

    /// The API server's address, `https://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        let url = self.access.config.cluster_url.to_string();
        url.trim_end_matches('/').to_owned()
    }

    /// Refuses a cluster that is not on this machine, so that no test ever runs against production.
    ///
    /// # Errors
    /// When the server's host is not a loopback address.
    pub fn require_local(&self) -> Result<()> {
        let host = self.access.config.cluster_url.host().unwrap_or_default();
        if is_loopback(host) {
            return Ok(());
        }
        bail!(
            "kubeconfig {} leads to {host}, which is not this machine; \
             tests run only against a server at 127.0.0.1, ::1 or localhost",
            self.access.file.display()
        )
    }

    /// `kubectl` for this cluster: the one beside the control plane's programs, else that on PATH.
    pub fn kubectl(&self) -> Command {
        let ours = Binaries::present().and_then(|binaries| binaries.kubectl());
        let mut command = Command::new(ours.unwrap_or_else(|| "kubectl".into()));
        command.arg("--kubeconfig").arg(&self.access.file);
        let temporary = scratch::root().is_ok_and(|root| self.access.file.starts_with(root));
        if let (true, Some(folder)) = (temporary, self.access.file.parent()) {
            // kubectl remembers by address what a server serves, and addresses are used again.
            command.arg("--cache-dir").arg(folder.join("kubectl-cache"));
        }
        command
    }
}

async fn config(kubeconfig: Kubeconfig) -> Result<Config> {
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(config)
}

/// Writes it whole or not at all: somebody may be waiting for the file to appear.
pub(crate) fn write_kubeconfig(kubeconfig: &Kubeconfig, file: &Path) -> Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let write = || -> Result<()> {
        let mut whole = tempfile::NamedTempFile::new_in(folder)?;
        whole.write_all(serde_saphyr::to_string(kubeconfig)?.as_bytes())?;
        whole.persist(file)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for host in ["127.0.0.1", "127.1.2.3", "[::1]", "::1", "localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "10.0.0.1",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "example.org",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[tokio::test]
    async fn a_remote_cluster_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        let text = "\
            apiVersion: v1\n\
            kind: Config\n\
            current-context: c\n\
            contexts: [{name: c, context: {cluster: c, user: u}}]\n\
            clusters: [{name: c, cluster: {server: 'https://production.example.org'}}]\n\
            users: [{name: u, user: {token: t}}]\n";
        std::fs::write(&file, text).unwrap();
        let cluster = Cluster::from_kubeconfig(&file).await.unwrap();
        let message = cluster.require_local().unwrap_err().to_string();
        assert!(message.contains("production.example.org"), "{message}");
        assert!(message.contains("127.0.0.1"), "{message}");
    }
}
