//! What the tests have in common.

use std::env;
use std::fmt::Debug;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use harness::Namespace;
use harness::wait::{PATIENCE, until, wait_for};
use k8s_openapi::api::core::v1::{Event, Pod, ServiceAccount};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use node::{Bench, Images};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::target;

pub const TARGET: &str = "registry.example/suite/target:1";
pub const OPERATOR: &str = "registry.example/suite/cloud-operator:0.1.0";

/// A bench whose images are this program.
pub async fn start() -> Result<Bench> {
    let this = env::current_exe()?;
    let images = Images::default()
        .with("registry.example/suite/target", &this)
        .with("registry.example/suite/cloud-operator", &this);
    Bench::start(images).await
}

/// A namespace that takes Pods, and only those of the profile `restricted`.
pub async fn restricted(bench: &Bench, prefix: &str) -> Result<Namespace> {
    bench.cluster().restricted_namespace(prefix).await
}

/// A namespace that takes any Pod.
pub async fn unrestricted(bench: &Bench, prefix: &str) -> Result<Namespace> {
    let namespace = bench.cluster().namespace(prefix).await?;
    let accounts: Api<ServiceAccount> = namespace.api()?;
    wait_for(
        &accounts,
        "default",
        "the account of Pods",
        PATIENCE,
        |_| true,
    )
    .await?;
    Ok(namespace)
}

/// Applies an object, with its namespace if it has one.
pub async fn apply(bench: &Bench, object: Value) -> Result<DynamicObject> {
    bench.cluster().apply(object).await
}

/// A Pod with the target in it, as `restricted` asks for; `more` is merged into its spec and `container` into its
/// container's.
pub fn pod(namespace: &Namespace, name: &str, more: Value, container: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace.name(), "labels": { "app": name } },
        "spec": {
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "terminationGracePeriodSeconds": 5,
            "containers": [{
                "name": "target", "image": TARGET,
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                    "readOnlyRootFilesystem": true,
                },
                "readinessProbe": probe("/readyz"),
            }],
        },
    });
    merge(&mut pod["spec"]["containers"][0], container);
    merge(&mut pod["spec"], more);
    pod
}

/// A container that runs a script in the target's place.
pub fn shell(script: &str) -> Value {
    json!({ "command": ["/bin/sh", "-c", script], "readinessProbe": null, "terminationMessagePolicy": "FallbackToLogsOnError" })
}

/// A probe that does not keep a test waiting, and that a busy machine still passes.
pub fn probe(path: &str) -> Value {
    json!({
        "httpGet": { "path": path, "port": target::PORT },
        "periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 1,
    })
}

/// The same for whoever may take long to start.
pub fn patient_probe(path: &str) -> Value {
    let mut patient = probe(path);
    merge(&mut patient, json!({ "failureThreshold": 1000 }));
    patient
}

/// Objects member by member; anything else is replaced, and null removes.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                match value {
                    Value::Null => drop(into.remove(&name)),
                    value => merge(into.entry(name).or_insert(Value::Null), value),
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Makes a Pod, and waits until it is ready.
pub async fn ready(bench: &Bench, namespace: &Namespace, pod: Value) -> Result<Pod> {
    let name = apply(bench, pod).await?.name_any();
    wait_for(
        &namespace.api()?,
        &name,
        "the Pod to be ready",
        2 * PATIENCE,
        is_ready,
    )
    .await
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|it| it.type_ == "Ready" && it.status == "True")
}

/// Why the Pod is not ready, if that is said.
pub fn unready(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.find(|it| it.type_ == "Ready")?.reason.as_deref()
}

/// Waits until the Pod's container waits for this reason, and returns the message.
pub async fn waits(namespace: &Namespace, name: &str, reason: &str) -> Result<String> {
    let so = |pod: &Pod| container(pod)["state"]["waiting"]["reason"] == *reason;
    let what = format!("it to wait: {reason}");
    let waiting = wait_for(&namespace.api()?, name, &what, PATIENCE, so).await?;
    let message = container(&waiting)["state"]["waiting"]["message"].clone();
    Ok(message.as_str().unwrap_or_default().to_owned())
}

/// Says what the Pod's only container is, in JSON.
pub fn container(pod: &Pod) -> Value {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|it| it.container_statuses.as_ref());
    let first = statuses.and_then(|it| it.first());
    first.map_or(Value::Null, |it| json!(it))
}

/// Asks the target in a Pod over the Pods' network.
pub async fn ask(pod: &Pod, path: &str) -> Result<String> {
    let address = pod.status.as_ref().and_then(|it| it.pod_ip.as_deref());
    let address = address.context("the Pod has an address")?;
    let address = SocketAddr::new(address.parse()?, target::PORT);
    let mut stream = TcpStream::connect(address).await?;
    let asked = format!("GET {path} HTTP/1.1\r\nhost: target\r\n\r\n");
    stream.write_all(asked.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {body}");
    Ok(body.to_owned())
}

/// Waits until the target answers so.
pub async fn says(pod: &Pod, path: &str, expected: &str) -> Result<()> {
    let said = || async {
        match ask(pod, path).await {
            Ok(said) if said == expected => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    until(&format!("{path} to be {expected:?}"), PATIENCE, said).await
}

/// Waits for an event about an object of this name, and returns what it says.
pub async fn event(namespace: &Namespace, about: &str, reason: &str) -> Result<String> {
    let events: Api<Event> = namespace.api()?;
    let params =
        ListParams::default().fields(&format!("involvedObject.name={about},reason={reason}"));
    let note = parking_lot::Mutex::new(None);
    let seen = || async {
        let found = events.list(&params).await.map_err(|e| e.to_string())?;
        *note.lock() = found.items.into_iter().find_map(|it| it.message);
        let seen = note.lock().is_some();
        if seen {
            Ok(())
        } else {
            Err("there is none".to_owned())
        }
    };
    until(&format!("an event {reason} about {about}"), PATIENCE, seen).await?;
    note.into_inner().context("an event was seen")
}

/// Fails with both sides where they differ.
pub fn same<T: PartialEq + Debug>(found: T, expected: T) -> Result<()> {
    ensure!(found == expected, "found {found:?} instead of {expected:?}");
    Ok(())
}
