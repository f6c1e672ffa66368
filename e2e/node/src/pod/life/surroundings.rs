//! What the node gives all its Pods.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Recorder;
use operator_core::decide::clock::Clock;
use tokio::sync::broadcast;

use crate::images::Images;
use crate::network::Network;

/// What the node gives all its Pods.
pub struct Surroundings {
    pub client: Client,
    pub recorder: Recorder,
    pub clock: Clock,
    pub network: Arc<Network>,
    pub images: Images,
    /// The node's own address.
    pub address: IpAddr,
    pub api_server: SocketAddr,
    /// The namespaces in which ConfigMaps and Secrets change.
    pub changes: broadcast::Sender<String>,
    /// A folder for each Pod is made here.
    pub folder: PathBuf,
    /// The files of `/etc` that all Pods share.
    pub shared: PathBuf,
    /// Whether processes can be given users and files groups.
    pub changes_users: bool,
}
