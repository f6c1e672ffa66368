//! A cluster of ours in which Pods run.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use charts::Helm;
use harness::scratch::Scratch;
use node::{Bench, Doorway, Images};
use tokio::task::JoinSet;

use crate::built;

/// The cluster, and what takes it to install charts there and to reach it.
pub struct Pods {
    bench: Bench,
    helm: Helm,
    kubeconfig: PathBuf,
    way_in: String,
    _led: JoinSet<io::Result<()>>,
    _folder: Scratch,
}

impl Pods {
    /// Starts it, with the built programs of these operators in the place of their images.
    ///
    /// # Errors
    /// When a program is not built, or the cluster does not come up.
    pub async fn start(doorway: Doorway, operators: &[&str]) -> Result<Self> {
        let mut images = Images::default();
        for operator in operators {
            images = images.with(operator, built::program(operator)?);
        }
        let (helm, folder) = (Helm::present()?, Scratch::new("demo")?);
        let bench = Bench::start(images).await?;
        let kubeconfig = folder.path().join("kubeconfig");
        doorway.write_kubeconfig(&bench, &kubeconfig)?;
        let mut led = JoinSet::new();
        led.spawn(doorway.lead_to(bench.api_server()?));
        Ok(Self {
            bench,
            helm,
            kubeconfig,
            way_in: Doorway::way_in()?,
            _led: led,
            _folder: folder,
        })
    }

    /// The cluster.
    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// What installs charts.
    pub fn helm(&self) -> &Helm {
        &self.helm
    }

    /// A kubeconfig file for who is on the machine, outside of the Pods' network.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The beginning of a command by which somebody outside runs another one in the Pods' network.
    pub fn way_in(&self) -> &str {
        &self.way_in
    }
}
