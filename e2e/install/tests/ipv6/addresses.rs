//! That there is nothing of IPv4 by which something could work all the same.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, wait_for};
use install::{Ground, Tenant, programs};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{Api, LogParams};
use serde_json::{Value, json};

const NAME: &str = "addresses";
/// Ends well where no address of IPv4 is a Pod's own; others are in its log.
const LOOK: &str = "grep -q . /proc/net/if_inet6 && ! grep -B1 LOCAL /proc/net/fib_trie";

pub async fn none_of_ipv4(ground: &Ground) -> Result<()> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    ensure!(bound.is_err(), "the node has one: {bound:?}");

    let namespace = ground.restricted_namespace(NAME).await?;
    Tenant::within(ground, &namespace).apply(pod()).await?;
    let pods: Api<Pod> = namespace.api()?;
    let pod = wait_for(&pods, NAME, "to look around", 2 * PATIENCE, has_ended).await?;
    let log = pods.logs(NAME, &LogParams::default()).await?;
    let status = pod.status.unwrap_or_default();
    ensure!(
        status.phase.as_deref() == Some("Succeeded"),
        "a Pod has one: {log}"
    );
    for address in [status.pod_ip, status.host_ip] {
        let address = address.context("a Pod without an address")?;
        let parsed = address.parse::<Ipv6Addr>();
        parsed.with_context(|| format!("a Pod is told {address}"))?;
    }

    let services: Api<Service> = Api::namespaced(ground.cluster().client()?, "default");
    let spec = services.get("kubernetes").await?.spec;
    let families = spec.and_then(|it| it.ip_families).unwrap_or_default();
    ensure!(families == ["IPv6"], "Services have {families:?}");
    Ok(())
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": NAME },
        "spec": {
            "automountServiceAccountToken": false,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "look", "image": programs::GATEWAY, "command": ["/bin/sh", "-c", LOOK],
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
