//! A gateway of the namespace in which apigw-operator is installed.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use apigw_operator::{LEASE, NAME};
use charts::helms;
use crd_types::apigw::v1alpha1::APIRoute;
use harness::wait::{PATIENCE, wait_for};
use harness::{Family, plain};
use http::StatusCode;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use serde_json::{Value, json};

use crate::{Ground, Release, Tenant, programs, values};

/// The Secret into which the operator issues the gateway's certificate.
const CERTIFICATE: &str = "gateway-client";
const GATEWAY: &str = "edge";
const ROUTE: &str = "closed";
/// Where the gateway serves HTTP.
const PORT: u16 = 8080;

/// A route says that no gateway is there to take it.
///
/// # Errors
/// When it says something else.
pub async fn awaited(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[1], "no-gateways").await?;
    let limited = values::limited(&[release.namespace().name()]);
    installs(ground, &release, limited).await?;
    let tenant = Tenant::within(ground, release.namespace());
    tenant.apply(route("the sale is over")).await?;
    let waits = |route: &APIRoute| {
        let status = route.status.as_ref();
        let ready = status.and_then(|it| it.lifecycle.condition("Ready"));
        ready.is_some_and(|it| it.status == *"False" && it.reason == *"NoGateway")
    };
    let routes: Api<APIRoute> = tenant.namespace().api()?;
    wait_for(&routes, ROUTE, "to wait for gateways", 2 * PATIENCE, waits).await?;
    Ok(())
}

/// A gateway connects with the certificate that was issued to it, and does as its routes say.
///
/// # Errors
/// When it does not.
pub async fn connected(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[1], "gateways").await?;
    let limited = values::limited(&[release.namespace().name()]);
    connects(ground, &release, limited).await
}

/// The same with the definitions that the chart brings, and all namespaces.
///
/// # Errors
/// As [`connected`].
pub async fn as_installed(ground: &Ground) -> Result<()> {
    let release = Release::new(ground, &helms()?[0], "gateways").await?;
    connects(ground, &release, json!({})).await
}

async fn connects(ground: &Ground, release: &Release<'_>, values: Value) -> Result<()> {
    installs(ground, release, values).await?;
    let namespace = release.namespace().name();
    let tenant = Tenant::within(ground, release.namespace());
    let every = Family::of(ground.address()).every();
    let gateway = gateway(namespace, SocketAddr::new(every, PORT));
    tenant.apply(gateway).await?;
    let pods: Api<Pod> = release.namespace().api()?;
    let pod = wait_for(&pods, GATEWAY, "to run", 2 * PATIENCE, runs).await?;
    for body in ["the sale is over", "come back next year"] {
        tenant.apply(route(body)).await?;
        let ready: APIRoute = tenant.ready(ROUTE).await?;
        let status = ready.status.context("a status")?;
        let told = status.lifecycle.condition("Ready").context("a condition")?;
        ensure!(
            told.message == "Route successfully applied to 1 gateway",
            "{told:?}"
        );
        let answer = ask(&pod, "/sale").await?;
        ensure!(answer == (StatusCode::GONE, body.to_owned()), "{answer:?}");
    }
    let log = release.log(GATEWAY).await?;
    ensure!(!log.contains("violation"), "the gateway complains:\n{log}");
    Ok(())
}

/// Has the operator at work, with a certificate for a gateway of its namespace.
async fn installs(ground: &Ground, release: &Release<'_>, values: Value) -> Result<()> {
    let issued = json!({
        "image": ground.image(),
        "grpc": { "tls": { "gatewayCertSecrets": [{ "name": CERTIFICATE }] } },
        "log": { "format": "json" },
    });
    release
        .roll_out("apigw-operator", values::with(values, issued))
        .await?;
    release.namespace().leader(LEASE, |_| true).await?;
    Ok(())
}

/// A gateway with the flags and the mounted Secret of which README speaks, that serves HTTP there.
fn gateway(namespace: &str, http: SocketAddr) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": GATEWAY },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "fsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "gateway", "image": programs::GATEWAY,
                "args": [
                    format!("--operator-address={NAME}.{namespace}.svc:9444"), "--operator-tls",
                    "--operator-ca-file=/certs/ca.crt", "--operator-cert-file=/certs/tls.crt",
                    "--operator-key-file=/certs/tls.key", format!("--gateway-name={GATEWAY}"),
                    format!("--gateway-namespace={namespace}"), format!("--listen={http}"),
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                    "readOnlyRootFilesystem": true,
                },
                "volumeMounts": [{ "name": "certs", "mountPath": "/certs", "readOnly": true }],
            }],
            "volumes": [{ "name": "certs", "secret": { "secretName": CERTIFICATE } }],
        },
    })
}

/// A route that takes no backend.
fn route(body: &str) -> Value {
    json!({
        "apiVersion": "avapigw.io/v1alpha1", "kind": "APIRoute", "metadata": { "name": ROUTE },
        "spec": {
            "match": [{ "uri": { "exact": "/sale" } }],
            "directResponse": { "status": 410, "body": body },
        },
    })
}

fn runs(pod: &Pod) -> Result<(), String> {
    let status = pod.status.clone().unwrap_or_default();
    match status.phase.as_deref() {
        Some("Running") => Ok(()),
        _ => Err(format!("{:?}", status.container_statuses)),
    }
}

/// What the gateway in a Pod answers.
async fn ask(pod: &Pod, path: &str) -> Result<(StatusCode, String)> {
    let address = pod.status.as_ref().and_then(|it| it.pod_ip.as_deref());
    let address = address.context("the Pod has an address")?;
    let address = SocketAddr::new(address.parse()?, PORT);
    plain::get(&format!("http://{address}{path}")).await
}
