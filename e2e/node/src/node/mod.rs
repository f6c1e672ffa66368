//! The node: what the API server knows of it, and the Pods that it has.

mod changes;
mod heartbeat;
mod hosts;
mod logs;
mod names;
mod pods;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use operator_core::decide::clock::Clock;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::images::Images;
use crate::network::Network;
use crate::pod::Surroundings;
use crate::system;
use logs::Logs;

/// The node's name.
pub const NAME: &str = "node";

/// Where all is kept: in memory, in this process's own mounts.
const FOLDER: &str = "/run/node";

/// A node at work. Dropping it ends its Pods' processes at once.
#[derive(Debug)]
pub struct Node {
    clock: Clock,
    _working: JoinSet<()>,
    _logs: Logs,
}

impl Node {
    /// Registers a node with the cluster of `client`, which is reached at `api_server` from Pods, and begins to take
    /// Pods. [`mount_run`] comes before it.
    ///
    /// # Errors
    /// When the files of Pods cannot be made.
    pub(crate) async fn start(
        client: Client,
        api_server: SocketAddr,
        images: Images,
        network: Arc<Network>,
    ) -> Result<Self> {
        let (folder, shared) = (folder_of_pods(), PathBuf::from(FOLDER).join("etc"));
        for folder in [&folder, &shared] {
            let made = fs::create_dir_all(folder);
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        hosts::prepare(&shared)?;
        let clock = Clock::system();
        let reporter = Reporter {
            controller: "node".to_owned(),
            instance: Some(NAME.to_owned()),
        };
        let address = network.gateway();
        let around = Arc::new(Surroundings {
            recorder: Recorder::new(client.clone(), reporter),
            clock: clock.clone(),
            network,
            images,
            address,
            api_server,
            changes: broadcast::channel(256).0,
            folder,
            shared: shared.clone(),
            changes_users: changes_users()?,
            client: client.clone(),
        });
        let logs = Logs::serve(address, client.clone(), folder_of_pods()).await?;
        let told = || around.changes.clone();
        let mut working = JoinSet::new();
        working.spawn(heartbeat::beat(
            client.clone(),
            clock.clone(),
            address,
            logs.port(),
        ));
        working.spawn(changes::announce::<ConfigMap>(client.clone(), told()));
        working.spawn(changes::announce::<Secret>(client.clone(), told()));
        working.spawn(names::keep(client, shared));
        working.spawn(pods::take(around));
        Ok(Self {
            clock,
            _working: working,
            _logs: logs,
        })
    }

    /// What a Pod's container has written so far, both streams; it is kept for as long as the Pod.
    ///
    /// # Errors
    /// When it was not started here.
    pub fn log(&self, pod: &Pod) -> io::Result<String> {
        fs::read(self.log_file(pod)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where that is kept.
    pub fn log_file(&self, pod: &Pod) -> PathBuf {
        logs::file(&folder_of_pods(), pod)
    }

    /// The clock by which probes are made, tokens renewed, and containers that fail started again.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn folder_of_pods() -> PathBuf {
    PathBuf::from(FOLDER).join("pods")
}

/// A file system of memory for `/run`: `ip` names namespaces there, and a Pod's secrets are on no disk.
///
/// # Errors
/// When it cannot be mounted.
pub async fn mount_run() -> Result<()> {
    system::mount(&["-t", "tmpfs", "-o", "mode=755", "run", "/run"]).await
}

/// Whether this process may change users, which a user namespace of somebody other than root takes away.
fn changes_users() -> Result<bool> {
    let file = "/proc/self/uid_map";
    let map = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let mut numbers = map.split_whitespace();
    Ok(numbers.nth(2).is_some_and(|count| count != "1"))
}
