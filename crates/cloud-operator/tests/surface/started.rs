//! Where the program takes its settings from, and how its start fails.

use std::{fs, io, net::TcpListener, time::Duration};

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    UserRules,
    proxy::{Action, Call, Gate, Point, Rule, Verb},
    wait,
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Namespace};
use kube::{Api, ResourceExt};
use operator_core::decide::clock::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{PATIENCE, Scene, program::Served};

/// What the log says that outside resources are marked with.
async fn installation(started: &Served) -> Result<String> {
    let program = &started.program;
    program.says("\"installation\":").await?;
    let output = program.output();
    let line = output
        .lines()
        .find(|line| line.contains("\"installation\":"));
    let line: Value = serde_json::from_str(line.context("no such line")?)?;
    Ok(line["installation"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_over_the_mounted_config_map_over_the_default()
-> Result<()> {
    let scene = Scene::new("settings").await?;
    let user = scene.cluster.config();
    let mounted = tempfile::tempdir()?;
    fs::write(mounted.path().join("INSTALLATION_ID"), "of-the-file\n")?;
    let mounted = mounted.path().to_str().context("a path of text")?;

    let flag: &[&str] = &["--installation-id=of-the-flag"];
    let environment = ("INSTALLATION_ID", "of-the-environment");
    let file = ("CONFIG_DIR", mounted);
    let system: Namespace = Api::all(scene.cluster.client()?).get("kube-system").await?;
    let default = system.uid().context("a UID")?;
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 4] = [
        (flag, &[environment, file], "of-the-flag"),
        (&[], &[environment, file], "of-the-environment"),
        (&[], &[file], "of-the-file"),
        (&[], &[], &default),
    ];
    for (settings, environment, expected) in cases {
        let started = scene.program(&user, settings, environment)?;
        assert_eq!(installation(&started).await?, expected);
        let status = started.program.terminate().await?;
        assert_eq!(status.code(), Some(0), "{}", started.program.output());
    }
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_setting() -> Result<()> {
    let scene = Scene::new("taken").await?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    for (flag, setting) in [
        ("--metrics-bind-address", "METRICS_BIND_ADDRESS"),
        ("--health-probe-bind-address", "HEALTH_PROBE_BIND_ADDRESS"),
    ] {
        let flag = format!("{flag}={address}");
        let started = scene.program(&scene.cluster.config(), &[&flag], &[])?;
        let status = started.program.ends().await?;
        let output = started.program.output();
        assert_eq!(status.code(), Some(1), "{output}");
        let expected = format!("{setting}: cannot listen on {address}: ");
        ensure!(output.contains(&expected), "{output}");
    }
    Ok(())
}

#[tokio::test]
async fn it_is_alive_but_not_ready_where_it_may_not_look() -> Result<()> {
    let scene = Scene::new("blind").await?;
    let rules = UserRules {
        cluster: [
            cloud_operator::rbac::installation(),
            cloud_operator::rbac::namespaces(),
        ]
        .concat(),
        namespaced: vec![(
            scene.namespace.name().to_owned(),
            cloud_operator::rbac::election(),
        )],
    };
    let user = scene.cluster.user("blind", rules).await?;
    let started = scene.program(&user.config(), &[], &[])?;
    for watch in ["watch-awsprovider", "watch-s3bucket"] {
        let named = format!("[-]{watch} failed: watch: ");
        started.not_ready(&named).await?;
    }
    for path in ["/readyz", "/ready"] {
        let answer = started.probe(path).await?;
        assert_eq!(answer.status, 500, "{answer:?}");
    }
    for path in ["/healthz", "/livez"] {
        assert_eq!(started.probe(path).await?.status, 200);
    }
    assert_eq!(started.program.terminate().await?.code(), Some(0));
    Ok(())
}

/// Puts a value into a mounted ConfigMap, whole at once as the kubelet does.
fn mount(folder: &TempDir, name: &str, value: &str) -> io::Result<()> {
    let new = folder.path().join("..new");
    fs::write(&new, value)?;
    fs::rename(new, folder.path().join(name))
}

#[tokio::test]
async fn how_often_aws_is_called_follows_the_config_map() -> Result<()> {
    let scene = Scene::new("paced").await?;
    let mounted = tempfile::tempdir()?;
    mount(&mounted, "AWS_CALL_RATE", "0")?;
    mount(&mounted, "AWS_CALL_BURST", "1")?;
    let folder = mounted.path().to_str().context("a path of text")?;
    let environment = [("CONFIG_DIR", folder), ("LOG_FORMAT", "json")];
    let started = &scene.program(&scene.cluster.config(), &[], &environment)?;
    started.ready().await?;
    scene.provider("account").await?;
    let wish =
        json!({ "versioning": { "enabled": true }, "encryption": { "algorithm": "aws:kms" } });
    scene.bucket("before", "account", wish.clone()).await?;
    scene.ready::<S3Bucket>("before").await?;

    mount(&mounted, "AWS_CALL_RATE", "1")?;
    let said = "\"changed\":\"AWS_CALL_RATE\"";
    started.program.says(said).await?;
    let clock = Clock::system();
    let since = clock.now();
    scene.bucket("data", "account", wish).await?;
    scene.ready::<S3Bucket>("data").await?;
    let calls = scene.calls_about(&scene.bucket_name("data"));
    let took = clock.now().since(since);
    // Each but the first waits for its second; that all else takes its time, too, makes it no less.
    ensure!(calls > 4, "too few calls to tell: {calls}");
    let least = Duration::from_secs(1) * u32::try_from(calls - 1)?;
    ensure!(took >= least, "{calls} calls within {took:?}");

    mount(&mounted, "SWEEP_INTERVAL", "2h")?;
    let said = "\"changed\":\"SWEEP_INTERVAL\"";
    started.program.says(said).await?;
    let output = started.program.output();
    ensure!(!output.contains("take a restart"), "{output}");
    Ok(())
}

#[tokio::test]
async fn how_many_objects_are_worked_on_at_once_follows_the_config_map() -> Result<()> {
    const MOST: &str = "controller_runtime_max_concurrent_reconciles";
    const AT_WORK: &str = "controller_runtime_active_workers";
    let scene = Scene::new("places").await?;
    let mounted = tempfile::tempdir()?;
    let places = |count: &str| mount(&mounted, "MAX_CONCURRENT_RECONCILES", count);
    places("1")?;
    let folder = mounted.path().to_str().context("a path of text")?;
    let environment = [("CONFIG_DIR", folder)];
    let started = &scene.program(&scene.cluster.config(), &[], &environment)?;
    started.ready().await?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;

    let gate = Gate::new();
    let hold = Action::Hold(Point::Before, gate.clone());
    let writes = |call: &Call| call.verb == Verb::Write && call.about == "s3buckets";
    let rule = scene.api.proxy().rule(Rule::when(writes, hold));
    let names = ["one", "two", "three", "four"];
    for name in names {
        scene.bucket(name, "account", json!({})).await?;
    }
    let is = |name: &'static str, holds: fn(f64) -> bool| async move {
        let samples = started.samples().await.map_err(|why| format!("{why:#}"))?;
        let found = samples[&format!("{name}{{controller=\"s3bucket\"}}")];
        holds(found).then_some(()).ok_or(format!("{found}"))
    };
    gate.arrived(1).await;
    wait::until("one place", PATIENCE, || is(MOST, |it| it == 1.0)).await?;

    places("8")?;
    let several = || is(AT_WORK, |it| it > 1.0);
    wait::until("several at work", PATIENCE, several).await?;
    wait::until("eight places", PATIENCE, || is(MOST, |it| it == 8.0)).await?;

    places("1")?;
    wait::until("one place again", PATIENCE, || is(MOST, |it| it == 1.0)).await?;
    rule.remove();
    gate.open();
    for name in names {
        scene.ready::<S3Bucket>(name).await?;
    }
    let output = started.program.output();
    ensure!(!output.contains("take a restart"), "{output}");
    Ok(())
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() -> Result<()> {
    let scene = Scene::new("followed").await?;
    let mounted = tempfile::tempdir()?;
    let write = |name: &str, value: &str| mount(&mounted, name, value);
    write("LOG_LEVEL", "error")?;
    let folder = mounted.path().to_str().context("a path of text")?;
    let environment = [("CONFIG_DIR", folder), ("LOG_FORMAT", "json")];
    let started = &scene.program(&scene.cluster.config(), &[], &environment)?;
    started.ready().await?;
    let program = &started.program;
    ensure!(program.output().is_empty(), "{}", program.output());

    write("LOG_LEVEL", "debug")?;
    program
        .says("\"settings that were changed are in force\"")
        .await?;
    ensure!(program.output().contains("\"changed\":\"LOG_LEVEL\""));
    write("RECONCILE_TIMEOUT", "soon")?;
    program
        .says("is refused, so that what was read before holds: RECONCILE_TIMEOUT")
        .await?;
    write("RECONCILE_TIMEOUT", "1h")?;
    program.says("\"changed\":\"RECONCILE_TIMEOUT\"").await?;

    // What only its start would find out does not end it either.
    let refused = |value: f64| async move {
        let samples = started.samples().await.map_err(|why| why.to_string())?;
        let found = samples["operator_settings_refused"];
        (found == value).then_some(()).ok_or(format!("{found}"))
    };
    write("CA_BUNDLE", "/nowhere/bundle.pem")?;
    program
        .says("is refused, so that what was read before holds: CA_BUNDLE")
        .await?;
    wait::until("it to be counted", PATIENCE, || refused(1.0)).await?;
    let state = started.ask("/debug/state").await?.body;
    ensure!(state.contains("/nowhere/bundle.pem"), "{state}");
    fs::remove_file(mounted.path().join("CA_BUNDLE"))?;
    wait::until("it to be forgotten", PATIENCE, || refused(0.0)).await?;

    write("FEATURE_GATES", "DebugState=false")?;
    let ended = program.ends().await?;
    let output = program.output();
    assert_eq!(ended.code(), Some(0), "{output}");
    ensure!(output.contains("\"changed\":\"FEATURE_GATES\""), "{output}");
    let leases = scene.api_of::<Lease>();
    let lease = leases.get(cloud_operator::LEASE).await?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity);
    assert_eq!(holder.unwrap_or_default(), "", "stopped in order");

    // As it is started again.
    let started = scene.program(&scene.cluster.config(), &[], &environment)?;
    started.ready().await?;
    assert_eq!(started.ask("/debug/state").await?.status, 404);
    assert_eq!(started.ask("/metrics").await?.status, 200);
    Ok(())
}
