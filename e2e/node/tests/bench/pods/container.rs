//! What a container finds around itself, and what it cannot reach.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, wait_for};
use k8s_openapi::api::core::v1::Pod;
use node::Bench;
use serde_json::json;

use super::tokens::{TOKEN, review};
use crate::stage::{
    apply, ask, container as status, pod, ready, restricted, same, shell, unrestricted,
};

pub async fn finds_what_its_spec_says(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "container").await?;
    let name = namespace.name();
    let data = json!({ "LEVEL": "debug", "other": "x" });
    apply(bench, json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": name }, "data": data })).await?;
    apply(bench, json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys", "namespace": name }, "stringData": { "key": "hidden" } })).await?;
    let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
    let more = json!({
        "securityContext": { "runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456 },
        "volumes": [
            { "name": "settings", "configMap": { "name": "settings", "items": [{ "key": "LEVEL", "path": "sub/level" }] } },
            { "name": "keys", "secret": { "secretName": "keys", "defaultMode": 0o400 } },
            { "name": "scratch", "emptyDir": {} },
            { "name": "mixed", "projected": { "sources": [
                { "serviceAccountToken": { "path": "token", "audience": "elsewhere.example", "expirationSeconds": 600 } },
                { "downwardAPI": { "items": [{ "path": "labels", "fieldRef": { "fieldPath": "metadata.labels" } }] } },
            ] } },
        ],
    });
    let container = json!({
        "args": ["--pod=$(POD)", "--level=$(LEVEL)"],
        "envFrom": [{ "configMapRef": { "name": "settings" } }],
        "env": [
            { "name": "POD", "valueFrom": field("metadata.name") },
            { "name": "POD_IP", "valueFrom": field("status.podIP") },
            { "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "key" } } },
        ],
        "volumeMounts": [
            { "name": "settings", "mountPath": "/etc/settings" },
            { "name": "keys", "mountPath": "/etc/keys", "readOnly": true },
            { "name": "scratch", "mountPath": "/scratch" },
            { "name": "mixed", "mountPath": "/mixed" },
        ],
    });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "probe-me", more, container),
    )
    .await?;
    let address = pod
        .status
        .as_ref()
        .and_then(|it| it.pod_ip.clone())
        .unwrap_or_default();

    same(
        ask(&pod, "/args").await?.as_str(),
        "--pod=probe-me\n--level=debug",
    )?;
    let variables: BTreeMap<String, String> = serde_json::from_str(&ask(&pod, "/env").await?)?;
    let host = bench
        .cluster()
        .config()
        .cluster_url
        .host()
        .map(str::to_owned);
    for (name, expected) in [
        ("POD_IP", Some(address)),
        ("KEY", Some("hidden".to_owned())),
        ("other", Some("x".to_owned())),
        ("HOSTNAME", Some("probe-me".to_owned())),
        ("KUBERNETES_SERVICE_HOST", host),
        ("HOME", None),
        ("CARGO", None),
    ] {
        same((name, variables.get(name).cloned()), (name, expected))?;
    }
    same(
        ask(&pod, "/read/proc/sys/kernel/hostname").await?.as_str(),
        "probe-me\n",
    )?;
    same(
        ask(&pod, "/read/etc/settings/sub/level").await?.as_str(),
        "debug",
    )?;
    same(ask(&pod, "/read/etc/keys/key").await?.as_str(), "hidden")?;
    same(
        ask(&pod, "/read/mixed/labels").await?.as_str(),
        "app=\"probe-me\"",
    )?;

    // Nothing of the machine, nothing to write but its own folder, and no way to more rights.
    let top = ask(&pod, "/list/").await?;
    ensure!(!top.contains("home") && top.contains("target"), "{top}");
    for (path, refused) in [
        ("/write/scratch/file", false),
        ("/write/file", true),
        ("/write/etc/keys/file", true),
    ] {
        let written = ask(&pod, path).await;
        ensure!(written.is_err() == refused, "{path}: {written:?}");
    }
    writes_its_own_alone(&ask(&pod, "/read/proc/self/mountinfo").await?)?;
    let process = ask(&pod, "/read/proc/self/status").await?;
    let line = |name: &str| {
        let mut lines = process.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    for (name, expected) in [
        ("NoNewPrivs:", "1"),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
    ] {
        same((name, line(name).as_str()), (name, expected))?;
    }
    if changes_users()? {
        same(line("Uid:").as_str(), "1234\t1234\t1234\t1234")?;
        same(line("Gid:").as_str(), "2345\t2345\t2345\t2345")?;
        same(line("Groups:").as_str(), "3456")?;
        same(
            ask(&pod, "/mode/etc/keys/key").await?.as_str(),
            "440 0 3456",
        )?;
        same(ask(&pod, "/mode/scratch").await?.as_str(), "2777 0 3456")?;
    }

    for (path, audience) in [
        (TOKEN, None),
        ("/read/mixed/token", Some("elsewhere.example")),
    ] {
        let token = ask(&pod, path).await?;
        let review = review(bench, token, audience).await?;
        let status = review.status.context("a review")?;
        let user = status.user.unwrap_or_default();
        let expected = format!("system:serviceaccount:{name}:default");
        same((path, user.username), (path, Some(expected)))?;
        let bound = user.extra.unwrap_or_default();
        same(
            bound.get("authentication.kubernetes.io/pod-name").cloned(),
            Some(vec!["probe-me".to_owned()]),
        )?;
    }
    Ok(())
}

/// All that is mounted is read-only, but for the folder that the Pod asked for and the kernel's own.
fn writes_its_own_alone(mounts: &str) -> Result<()> {
    let mut folders = 0;
    for mount in mounts.lines() {
        let mut fields = mount.split(' ').skip(4);
        let (Some(place), Some(options)) = (fields.next(), fields.next()) else {
            continue;
        };
        folders += usize::from(place == "/usr" || place == "/target");
        let is_its_own = place == "/scratch" || place.starts_with("/proc");
        let is_read_only = options.split(',').any(|it| it == "ro");
        ensure!(is_its_own || is_read_only, "{mount}");
    }
    same(folders, 2)
}

/// Whether Pods of this bench have users of their own: not without root.
fn changes_users() -> Result<bool> {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    Ok(map.split_whitespace().nth(2) != Some("1"))
}

pub async fn is_nobody_unless_its_spec_says_who(bench: &Bench) -> Result<()> {
    let namespace = unrestricted(bench, "nobody").await?;
    let spec = json!({ "securityContext": null });
    let container = json!({ "securityContext": null });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", spec, container),
    )
    .await?;
    let process = ask(&pod, "/read/proc/self/status").await?;
    let uid = process.lines().find(|line| line.starts_with("Uid:"));
    let expected = match changes_users()? {
        true => "Uid:\t65532\t65532\t65532\t65532",
        false => "Uid:\t0\t0\t0\t0",
    };
    same(uid, Some(expected))
}

/// A link in a volume that leads out of the container is not followed when the next volume is mounted below it.
pub async fn makes_nothing_on_the_machine(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "machine").await?;
    let outside = tempfile::tempdir()?;
    let spec =
        json!({ "volumes": [{ "name": "a", "emptyDir": {} }, { "name": "b", "emptyDir": {} }] });
    let mut container = shell(&format!(
        "if [ -L /data/sub ]; then while :; do sleep 0.1; done; fi; mv /data/sub /data/old; ln -s {} /data/sub; exit 1",
        outside.path().display()
    ));
    container["volumeMounts"] = json!([
        { "name": "a", "mountPath": "/data" }, { "name": "b", "mountPath": "/data/sub/made" },
    ]);
    apply(bench, pod(&namespace, "target", spec, container)).await?;
    let again = |pod: &Pod| {
        let status = status(pod);
        match &status["lastState"]["terminated"]["exitCode"] {
            // Not 1: with the link in its place it is not started.
            code if *code == 128 => Ok(()),
            _ => Err(status.to_string()),
        }
    };
    wait_for(
        &namespace.api()?,
        "target",
        "it to meet its link",
        PATIENCE,
        again,
    )
    .await?;
    let made: Vec<_> = std::fs::read_dir(outside.path())?.collect();
    ensure!(made.is_empty(), "{made:?}");
    Ok(())
}
