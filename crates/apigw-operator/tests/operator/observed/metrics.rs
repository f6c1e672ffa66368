//! `/metrics` after known actions, and its documentation.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::apigw::v1alpha1::{APIRoute, Backend};
use gateway::{Behaviour, Gateway, Refusal, Stuck};
use harness::documented;
use serde_json::json;

use crate::{
    observed::page::Shown,
    references::document,
    stage::{
        Stage,
        http::{answers, origin},
    },
};

const PROPAGATED: &str = "config_propagation_seconds_count";
const CONNECTED: &str = "gateways_connected";

fn prefix(path: &str) -> serde_json::Value {
    json!({ "spec": { "match": [{ "uri": { "prefix": path } }] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_is_done_and_are_all_documented() -> Result<()> {
    let stage = Stage::new("metrics").await?;
    let shown = Shown::on(&stage)?;
    let gateway = stage.gateway("gw").await?;
    shown.counts(&[(CONNECTED, 1.0)]).await?;

    // Boxed, for a test's stack is small.
    Box::pin(acts(&stage, &shown, &gateway)).await?;
    Box::pin(counted(&stage, &shown, &gateway)).await?;

    let samples = shown.samples().await?;
    let expiry = "avapigw_operator_cert_expiry_seconds{common_name=";
    let (_, left) = samples
        .iter()
        .find(|(name, _)| name.starts_with(expiry))
        .context("it has a certificate")?;
    ensure!((3600.0..1e9).contains(left), "{left}");

    documented(&shown.page("/metrics").await?, "apigw-operator")?;

    drop(gateway);
    shown
        .counts(&[
            (CONNECTED, 0.0),
            ("grpc_active_gateways", 0.0),
            ("grpc_server_active_streams", 0.0),
        ])
        .await?;
    shown.operator.stop().await
}

/// A route and a backend come, the route is edited and deleted, and another backend is refused.
async fn acts(stage: &Stage, shown: &Shown, gateway: &Gateway) -> Result<()> {
    stage.backend("blue", origin("blue").await?).await?;
    stage.route("paint", "/paint", "blue").await?;
    stage.ready::<APIRoute>("paint").await?;
    stage.ready::<Backend>("blue").await?;
    stage.patch::<APIRoute>("paint", prefix("/draw")).await?;
    stage.ready::<APIRoute>("paint").await?;
    shown.counts(&[(PROPAGATED, 3.0)]).await?;

    // It is held out, and so changes nothing for gateways.
    gateway.set(Behaviour {
        refuses: Some(Refusal::of_name("bad")),
        ..Behaviour::default()
    });
    stage.backend("bad", origin("bad").await?).await?;
    stage.unready::<Backend>("bad", "RefusedByGateway").await?;

    // One field stands where earlier gateways looked for it.
    let earlier = json!({ "spec": { "security": { "headers": { "contentSecurityPolicy": "default-src 'self'" } } } });
    stage.patch::<APIRoute>("paint", earlier).await?;
    stage.ready::<APIRoute>("paint").await?;
    let marked = json!({ "metadata": { "finalizers": ["apiroute.avapigw.io/finalizer"] } });
    stage.patch::<APIRoute>("paint", marked).await?;
    stage.delete::<APIRoute>("paint").await?;
    stage.gone::<APIRoute>("paint").await?;
    Ok(())
}

/// What all that comes to.
async fn counted(stage: &Stage, shown: &Shown, gateway: &Gateway) -> Result<()> {
    let applied = |kind, operation| {
        format!("grpc_config_applied_total{{type=\"{kind}\",operation=\"{operation}\"}}")
    };
    let namespace = stage.namespace.name();
    let condition = |name, condition| {
        format!(
            "resource_condition{{kind=\"backend\",name=\"{name}\",namespace=\"{namespace}\",condition=\"{condition}\"}}"
        )
    };
    shown
        .counts(&[
            (&applied("apiroute", "added"), 1.0),
            (&applied("apiroute", "updated"), 2.0),
            (&applied("apiroute", "deleted"), 1.0),
            (&applied("backend", "added"), 1.0),
            (&applied("backend", "updated"), 0.0),
            (&applied("backend", "deleted"), 0.0),
            (PROPAGATED, 4.0),
            ("crds_total{type=\"apiroute\"}", 0.0),
            ("crds_total{type=\"backend\"}", 2.0),
            (
                &format!("resources_total{{kind=\"backend\",namespace=\"{namespace}\"}}"),
                2.0,
            ),
            (&condition("blue", "Ready"), 1.0),
            (&condition("bad", "Ready"), 0.0),
            (&condition("bad", "Programmed"), 0.0),
            (
                "finalizer_operations_total{controller=\"apiroute\",operation=\"remove\"}",
                1.0,
            ),
            ("legacy_field_conversions_total{kind=\"apiroute\"}", 1.0),
            ("configmap_watch_enqueues_total{kind=\"apiroute\"}", 0.0),
            ("grpc_active_gateways", 1.0),
            ("grpc_server_active_streams", 1.0),
            (
                "grpc_server_requests_total{method=\"RegisterGateway\",code=\"OK\"}",
                1.0,
            ),
            (
                "grpc_server_requests_total{method=\"StreamConfiguration\",code=\"OK\"}",
                0.0,
            ),
            (
                "grpc_server_request_duration_seconds_count{method=\"StreamConfiguration\"}",
                1.0,
            ),
            ("cert_issued_total{provider=\"selfsigned\"}", 2.0),
            ("cert_rotations_total{provider=\"selfsigned\"}", 0.0),
            (
                "cert_errors_total{provider=\"selfsigned\",operation=\"issue\"}",
                0.0,
            ),
        ])
        .await?;
    let idle = |state: &gateway::State| state.counts.updates == state.counts.acknowledged;
    let state = gateway
        .wait_for("idle", crate::stage::PATIENCE, idle)
        .await?;
    let (sent, refused) = (state.counts.updates as f64, state.counts.refused as f64);
    ensure!(refused >= 1.0, "{state:?}");
    let acknowledged =
        "grpc_server_requests_total{method=\"AcknowledgeConfiguration\",code=\"OK\"}";
    shown
        .counts(&[
            ("config_push_total", sent),
            ("config_push_errors_total", refused),
            (acknowledged, sent),
        ])
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn propagation_is_the_time_from_each_edit_to_each_gateway() -> Result<()> {
    let stage = Stage::new("propagation").await?;
    let shown = Shown::on(&stage)?;
    let quick = stage.gateway("quick").await?;
    let slow = stage.gateway("slow").await?;
    shown.counts(&[(CONNECTED, 2.0)]).await?;
    stage.backend("blue", origin("blue").await?).await?;
    stage.route("paint", "/one", "blue").await?;
    stage.ready::<APIRoute>("paint").await?;
    stage.ready::<Backend>("blue").await?;
    shown.counts(&[(PROPAGATED, 4.0)]).await?;

    // The slow one reads no more, while the route is edited twice: it gets the second edit alone, or both.
    slow.set(Behaviour {
        stuck: Some(Stuck::Reading),
        ..Behaviour::default()
    });
    for (path, count) in [("/two", 5.0), ("/three", 6.0)] {
        stage.patch::<APIRoute>("paint", prefix(path)).await?;
        answers(&quick, path, 200, "").await?;
        shown.counts(&[(PROPAGATED, count)]).await?;
    }
    let late = Duration::from_secs(40);
    shown.operator.clock.advance(late);
    slow.set(Behaviour::default());
    answers(&slow, "/three", 200, "").await?;
    shown.counts(&[(PROPAGATED, 7.0)]).await?;
    let prompt = "avapigw_operator_config_propagation_seconds_bucket{le=\"30.0\"}";
    let samples = shown.samples().await?;
    assert_eq!(samples[prompt], 6.0, "{samples:#?}");
    ensure!(samples["avapigw_operator_config_propagation_seconds_sum"] >= late.as_secs_f64());

    // What a new gateway finds was wished long before it came.
    let newcomer = stage.gateway("newcomer").await?;
    answers(&newcomer, "/three", 200, "").await?;
    let added = "grpc_config_applied_total{type=\"apiroute\",operation=\"added\"}";
    shown.counts(&[(added, 3.0), (PROPAGATED, 7.0)]).await?;
    stage.patch::<APIRoute>("paint", prefix("/four")).await?;
    shown.counts(&[(PROPAGATED, 10.0)]).await?;
    shown.operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_gateway_is_reaped_and_counted() -> Result<()> {
    let stage = Stage::new("reaped").await?;
    let shown = Shown::on(&stage)?;
    let gateway = stage.gateway("gw").await?;
    shown.counts(&[(CONNECTED, 1.0)]).await?;
    // Then it was heard of all that it has: what is on its way when time leaps would count as said after that.
    stage.backend("b", ([127, 0, 0, 1], 9).into()).await?;
    stage.ready::<Backend>("b").await?;
    gateway.set(Behaviour {
        silent: true,
        ..Behaviour::default()
    });
    shown.operator.clock.advance(Duration::from_secs(120));
    shown
        .counts(&[("grpc_reaped_gateways_total", 1.0), (CONNECTED, 1.0)])
        .await?;
    shown.operator.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_config_map_sets_going_is_counted() -> Result<()> {
    let stage = Stage::new("outdated").await?;
    let shown = Shown::on(&stage)?;
    let _gateway = stage.gateway("gw").await?;
    let spec = json!({
        "match": [{ "uri": { "prefix": "/r" } }],
        "route": [{ "destination": { "host": "127.0.0.1", "port": 9 } }],
        "openAPIValidation": { "enabled": true, "specConfigMapRef": { "name": "doc", "key": "openapi.json" } },
    });
    stage.create::<APIRoute>("r", spec).await?;
    stage.unready::<APIRoute>("r", "Invalid").await?;
    let outdated = "configmap_watch_enqueues_total{kind=\"apiroute\"}";
    shown.counts(&[(outdated, 1.0)]).await?;
    document(&stage, "first").await?;
    shown.counts(&[(outdated, 2.0)]).await?;
    document(&stage, "second").await?;
    shown.counts(&[(outdated, 3.0)]).await?;
    shown.operator.stop().await
}
