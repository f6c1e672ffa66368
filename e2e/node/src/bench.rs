//! A control plane and a node, to install on.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use harness::wait::{PATIENCE, wait_for};
use harness::{Cluster, ControlPlane};
use k8s_openapi::api::core::v1 as core;
use kube::api::Api;

use crate::images::Images;
use crate::network::{GATEWAY, Network};
use crate::node::{self, NAME, Node};
use crate::sandbox;

/// A cluster of one node, in the namespaces of this process.
#[derive(Debug)]
pub struct Bench {
    // First: Pods end before what they work on.
    node: Node,
    control_plane: ControlPlane,
}

impl Bench {
    /// Starts a control plane and a node that has programs for these images; returns when the node takes Pods.
    ///
    /// # Errors
    /// When the process has not entered namespaces of its own, as [`ControlPlane::start_for_pods`], or when the
    /// network of Pods cannot be made.
    pub async fn start(images: Images) -> Result<Self> {
        sandbox::require()?;
        node::mount_run().await?;
        let network = Network::make().await?;
        let control_plane = ControlPlane::start_for_pods(GATEWAY.into()).await?;
        let client = control_plane.client()?;
        let address = address(&control_plane)?;
        let node = Node::start(client.clone(), address, images, network).await?;
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
        })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.control_plane
    }

    /// The servers of the control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// Where Pods reach what this process serves.
    pub fn address(&self) -> IpAddr {
        GATEWAY.into()
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
fn address(cluster: &Cluster) -> Result<SocketAddr> {
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
