//! A control plane and a node, to install on.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use harness::wait::{PATIENCE, wait_for};
use harness::{Cluster, ControlPlane, Family};
use k8s_openapi::api::core::v1 as core;
use kube::api::Api;

use crate::images::Images;
use crate::network::Network;
use crate::node::{self, NAME, Node};
use crate::sandbox;

/// A cluster of one node, in the namespaces of this process.
#[derive(Debug)]
pub struct Bench {
    // First: Pods end before what they work on.
    node: Node,
    control_plane: ControlPlane,
    address: IpAddr,
}

impl Bench {
    /// Starts a control plane and a node that has programs for these images, with addresses of IPv4; returns when the
    /// node takes Pods.
    ///
    /// # Errors
    /// As [`start_on`](Self::start_on).
    pub async fn start(images: Images) -> Result<Self> {
        Self::start_on(Family::V4, images).await
    }

    /// The same with addresses of this family. With IPv6 there is none of IPv4 anywhere inside, loopback's included.
    ///
    /// # Errors
    /// When the process has not entered namespaces of its own, as [`ControlPlane::start_for_pods`], or when the
    /// network of Pods cannot be made.
    pub async fn start_on(family: Family, images: Images) -> Result<Self> {
        sandbox::require()?;
        node::mount_run().await?;
        let network = Network::make(family).await?;
        let address = network.gateway();
        let control_plane = ControlPlane::start_for_pods(address).await?;
        let client = control_plane.client()?;
        let api_server = api_server(&control_plane)?;
        let node = Node::start(client.clone(), api_server, images, network).await?;
        let nodes: Api<core::Node> = Api::all(client);
        wait_for(
            &nodes,
            NAME,
            "the node to be given Pods",
            PATIENCE,
            takes_pods,
        )
        .await?;
        Ok(Self {
            node,
            control_plane,
            address,
        })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.control_plane
    }

    /// Where the API server listens.
    ///
    /// # Errors
    /// When the cluster's URL holds no address.
    pub fn api_server(&self) -> Result<SocketAddr> {
        api_server(&self.control_plane)
    }

    /// The servers of the control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// Where Pods reach what this process serves.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Ends all processes and removes their data.
    pub async fn stop(self) {
        drop(self.node);
        self.control_plane.stop().await;
    }
}

/// Where Pods reach the API server.
fn api_server(cluster: &Cluster) -> Result<SocketAddr> {
    let url = cluster.url();
    let address = url.strip_prefix("https://").and_then(|it| it.parse().ok());
    address.with_context(|| format!("{url} is no address"))
}

/// A new node is kept free until the node controller has seen that it is ready.
fn takes_pods(node: &core::Node) -> Result<(), String> {
    let spec = node.spec.as_ref();
    let taints: Vec<&str> = spec
        .into_iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .map(|taint| taint.key.as_str())
        .collect();
    if taints.is_empty() {
        Ok(())
    } else {
        Err(format!("taints: {}", taints.join(", ")))
    }
}
