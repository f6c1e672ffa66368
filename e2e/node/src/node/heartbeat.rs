//! What the API server is told of the node itself, again and again: that it is there, and what it has.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use operator_core::decide::clock::Clock;
use serde_json::{Value, json};

use super::NAME;

/// How often the lease is renewed, as the kubelet does it, and for how long it holds.
const BEAT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 40;
/// After a beat that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Says again and again that the node is there, at this address, and serves logs at this port.
pub async fn beat(client: Client, clock: Clock, address: IpAddr, logs: u16) {
    let nodes: Api<Node> = Api::all(client.clone());
    let lease = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
    let leases: Api<DynamicObject> =
        Api::namespaced_with(client, "kube-node-lease", &ApiResource::from_gvk(&lease));
    let params = PatchParams::apply("node").force();
    let since = clock.wall();
    loop {
        let now = clock.wall();
        let told = async {
            nodes
                .patch(NAME, &params, &Patch::Apply(registration()))
                .await?;
            nodes
                .patch_status(
                    NAME,
                    &params,
                    &Patch::Apply(status(address, since, now, logs)),
                )
                .await?;
            leases
                .patch(NAME, &params, &Patch::Apply(renewal(now)))
                .await?;
            Ok::<(), kube::Error>(())
        };
        let pause = if told.await.is_ok() { BEAT } else { RETRY };
        clock.sleep(pause).await;
    }
}

fn registration() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": NAME, "labels": {
            "kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(),
        } },
    })
}

fn status(address: IpAddr, since: Timestamp, now: Timestamp, logs: u16) -> Value {
    // Nothing is really set aside, so the scheduler may be told of more than there is.
    let resources = json!({ "cpu": "64", "memory": "64Gi", "pods": "200" });
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": NAME },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": address.to_string() },
                { "type": "Hostname", "address": NAME },
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": logs } },
            "allocatable": resources, "capacity": resources,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "NodeReady", "message": "it runs Pods as processes",
                "lastHeartbeatTime": now, "lastTransitionTime": since,
            }],
            "nodeInfo": {
                "architecture": architecture(), "operatingSystem": "linux", "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION")),
                "containerRuntimeVersion": "process://1", "bootID": "", "kernelVersion": "", "kubeProxyVersion": "",
                "machineID": "", "osImage": "", "systemUUID": "",
            },
        },
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn renewal(now: Timestamp) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": NAME },
        "spec": {
            "holderIdentity": NAME, "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format!("{now:.6}"),
        },
    })
}
