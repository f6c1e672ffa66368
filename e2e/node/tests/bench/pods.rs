//! Single Pods.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::wait::{PATIENCE, until, wait_for, wait_gone};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use node::Bench;
use serde_json::{Value, json};

use crate::stage::{
    apply, ask, container as status, event, is_ready, merge, pod, probe, ready, restricted, same,
    says,
};

const TOKEN: &str = "/read/var/run/secrets/kubernetes.io/serviceaccount/token";

pub async fn container(bench: &Bench) -> Result<()> {
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

/// Whether Pods of this bench have users of their own: not without root.
fn changes_users() -> Result<bool> {
    let map = std::fs::read_to_string("/proc/self/uid_map")?;
    Ok(map.split_whitespace().nth(2) != Some("1"))
}

async fn review(bench: &Bench, token: String, audience: Option<&str>) -> Result<TokenReview> {
    let spec = TokenReviewSpec {
        token: Some(token),
        audiences: audience.map(|it| vec![it.to_owned()]),
    };
    let review = TokenReview {
        spec,
        ..TokenReview::default()
    };
    let reviews: Api<TokenReview> = Api::all(bench.cluster().client()?);
    Ok(reviews.create(&PostParams::default(), &review).await?)
}

pub async fn volumes(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "volumes").await?;
    let settings = |data: Value| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "settings", "namespace": namespace.name() }, "data": data,
        })
    };
    apply(bench, settings(json!({ "a": "1", "b": "1" }))).await?;
    let more = json!({ "volumes": [
        { "name": "settings", "configMap": { "name": "settings" } },
        { "name": "later", "secret": { "secretName": "later", "optional": true } },
    ] });
    let container = json!({ "volumeMounts": [
        { "name": "settings", "mountPath": "/settings" }, { "name": "later", "mountPath": "/later" },
    ] });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", more, container),
    )
    .await?;
    same(
        ask(&pod, "/list/settings").await?.as_str(),
        "..1\n..data\na\nb",
    )?;
    same(ask(&pod, "/list/later").await?.as_str(), "..1\n..data")?;

    apply(bench, settings(json!({ "a": "2", "c": "2" }))).await?;
    says(&pod, "/list/settings", "..2\n..data\na\nc").await?;
    same(ask(&pod, "/read/settings/a").await?.as_str(), "2")?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "later", "namespace": namespace.name() }, "stringData": { "key": "now" },
        }),
    )
    .await?;
    says(&pod, "/read/later/key", "now").await?;
    let pods: Api<Pod> = namespace.api()?;
    same(
        status(&pods.get("target").await?)["restartCount"].clone(),
        json!(0),
    )
}

pub async fn token(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "token").await?;
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), json!({})),
    )
    .await?;
    let before = ask(&pod, TOKEN).await?;
    // The token is for 3607 s.
    bench.node().clock().advance(Duration::from_secs(3000));
    let renewed = || async {
        let now = ask(&pod, TOKEN).await.map_err(|e| e.to_string())?;
        if now == before {
            Err("it is the same".to_owned())
        } else {
            Ok(())
        }
    };
    until("a new token", PATIENCE, renewed).await?;
    let review = review(bench, ask(&pod, TOKEN).await?, None).await?;
    same(review.status.and_then(|it| it.authenticated), Some(true))
}

pub async fn missing(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "missing").await?;
    let container = json!({ "envFrom": [{ "configMapRef": { "name": "late" } }] });
    let pod = pod(&namespace, "target", json!({}), container);
    apply(bench, pod.clone()).await?;
    let pods: Api<Pod> = namespace.api()?;
    let waits =
        |pod: &Pod| status(pod)["state"]["waiting"]["reason"] == "CreateContainerConfigError";
    let waiting = wait_for(&pods, "target", "it to wait", PATIENCE, waits).await?;
    let message = status(&waiting)["state"]["waiting"]["message"].clone();
    same(message, json!("ConfigMap \"late\" does not exist"))?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "late", "namespace": namespace.name() }, "data": { "A": "1" },
        }),
    )
    .await?;
    wait_for(&pods, "target", "the Pod to be ready", PATIENCE, is_ready).await?;
    Ok(())
}

pub async fn unsupported(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "unsupported").await?;
    let container = json!({ "volumeMounts": [{ "name": "scratch", "mountPath": "/scratch", "subPath": "below" }] });
    let more = json!({ "volumes": [{ "name": "scratch", "emptyDir": {} }] });
    apply(bench, pod(&namespace, "target", more, container)).await?;
    let pods: Api<Pod> = namespace.api()?;
    let waits = |pod: &Pod| status(pod)["state"]["waiting"]["reason"] == "Unsupported";
    let waiting = wait_for(&pods, "target", "it to be refused", PATIENCE, waits).await?;
    let expected = "spec.containers[0].volumeMounts[0].subPath is not supported by this node";
    same(
        status(&waiting)["state"]["waiting"]["message"].clone(),
        json!(expected),
    )?;
    same(
        event(&namespace, "target", "Unsupported").await?.as_str(),
        expected,
    )?;
    // It is in nobody's way.
    pods.delete("target", &DeleteParams::default()).await?;
    wait_gone(&pods, "target", PATIENCE).await
}

pub async fn image(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "image").await?;
    apply(
        bench,
        pod(
            &namespace,
            "target",
            json!({}),
            json!({ "image": "registry.example/other:1" }),
        ),
    )
    .await?;
    let pods: Api<Pod> = namespace.api()?;
    let waits = |pod: &Pod| status(pod)["state"]["waiting"]["reason"] == "ErrImagePull";
    let waiting = wait_for(&pods, "target", "it to be refused", PATIENCE, waits).await?;
    let message = status(&waiting)["state"]["waiting"]["message"].to_string();
    ensure!(
        message.contains("registry.example/other:1") && message.contains("suite/target"),
        "{message}"
    );
    Ok(())
}

pub async fn liveness(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "liveness").await?;
    // It is not asked before it listens.
    let mut startup = probe("/livez");
    merge(&mut startup, json!({ "failureThreshold": 1000 }));
    let container = json!({ "startupProbe": startup, "livenessProbe": probe("/livez") });
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), container),
    )
    .await?;
    let first = status(&pod)["containerID"].clone();
    ask(&pod, "/set/live/false").await?;
    let again = |pod: &Pod| status(pod)["restartCount"] == 1 && is_ready(pod);
    let pod = wait_for(
        &namespace.api()?,
        "target",
        "it to run again",
        PATIENCE,
        again,
    )
    .await?;
    let now = status(&pod);
    ensure!(now["containerID"] != first, "{now}");
    // The target does not know of SIGTERM.
    same(
        now["lastState"]["terminated"]["exitCode"].clone(),
        json!(143),
    )?;
    let note = event(&namespace, "target", "Unhealthy").await?;
    ensure!(
        note.contains("Liveness probe failed") && note.contains("status 500"),
        "{note}"
    );
    Ok(())
}

pub async fn startup(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "startup").await?;
    let mut startup = probe("/startz");
    merge(&mut startup, json!({ "failureThreshold": 1000 }));
    let container = json!({
        "startupProbe": startup, "livenessProbe": probe("/livez"), "env": [{ "name": "SLOW", "value": "1" }],
    });
    apply(bench, pod(&namespace, "target", json!({}), container)).await?;
    let pods: Api<Pod> = namespace.api()?;
    let runs = |pod: &Pod| status(pod)["state"]["running"].is_object();
    let pod = wait_for(&pods, "target", "it to run", PATIENCE, runs).await?;
    same(status(&pod)["started"].clone(), json!(false))?;
    same(is_ready(&pod), false)?;
    let asked_twice = || async {
        let times = ask(&pod, "/asked/startz")
            .await
            .map_err(|e| e.to_string())?;
        if times.parse::<u32>().is_ok_and(|times| times > 1) {
            Ok(())
        } else {
            Err(times)
        }
    };
    until("two startup probes", PATIENCE, asked_twice).await?;
    for other in ["/asked/livez", "/asked/readyz"] {
        same((other, ask(&pod, other).await?.as_str()), (other, "0"))?;
    }
    says(&pod, "/set/up/true", "").await?;
    wait_for(&pods, "target", "the Pod to be ready", PATIENCE, is_ready).await?;
    Ok(())
}

pub async fn readiness(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "readiness").await?;
    apply(
        bench,
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "target", "namespace": namespace.name() },
            "spec": { "selector": { "app": "target" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        }),
    )
    .await?;
    let pod = ready(
        bench,
        &namespace,
        pod(&namespace, "target", json!({}), json!({})),
    )
    .await?;
    let slices: Api<EndpointSlice> = namespace.api()?;
    let endpoint = async |expected: bool| {
        let seen = || async {
            let found = slices
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            let mut endpoints = found.items.iter().flat_map(|slice| &slice.endpoints);
            let is = endpoints
                .any(|it| it.conditions.as_ref().and_then(|it| it.ready) == Some(expected));
            if is {
                Ok(())
            } else {
                Err(format!("{:?}", found.items))
            }
        };
        until(
            &format!("an endpoint with ready: {expected}"),
            PATIENCE,
            seen,
        )
        .await
    };
    endpoint(true).await?;
    // Other Pods find it by its name.
    let host = format!("target.{}.svc ", namespace.name());
    let named = async |expected: bool| {
        let seen = || async {
            let hosts = ask(&pod, "/read/etc/hosts")
                .await
                .map_err(|e| e.to_string())?;
            if hosts.contains(&host) == expected {
                Ok(())
            } else {
                Err(hosts)
            }
        };
        until("the hosts file to follow", PATIENCE, seen).await
    };
    named(true).await?;
    ask(&pod, "/set/ready/false").await?;
    endpoint(false).await?;
    named(false).await?;
    ask(&pod, "/set/ready/true").await?;
    endpoint(true).await?;
    let pods: Api<Pod> = namespace.api()?;
    same(
        status(&pods.get("target").await?)["restartCount"].clone(),
        json!(0),
    )
}

fn shell(script: &str) -> Value {
    json!({ "command": ["/bin/sh", "-c", script], "readinessProbe": null, "terminationMessagePolicy": "FallbackToLogsOnError" })
}

pub async fn crash(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "crash").await?;
    apply(
        bench,
        pod(
            &namespace,
            "target",
            json!({}),
            shell("echo the disk is on fire; exit 3"),
        ),
    )
    .await?;
    let pods: Api<Pod> = namespace.api()?;
    let waits = |pod: &Pod| status(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let waiting = wait_for(&pods, "target", "it to wait", PATIENCE, waits).await?;
    let last = status(&waiting)["lastState"]["terminated"].clone();
    same(
        (&last["exitCode"], &last["reason"]),
        (&json!(3), &json!("Error")),
    )?;
    ensure!(
        last["message"].to_string().contains("the disk is on fire"),
        "{last}"
    );
    let restarts = status(&waiting)["restartCount"]
        .as_i64()
        .context("a count")?;
    let again = |pod: &Pod| status(pod)["restartCount"].as_i64() > Some(restarts);
    wait_for(&pods, "target", "one more start", PATIENCE, again).await?;
    Ok(())
}

pub async fn once(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "once").await?;
    let pods: Api<Pod> = namespace.api()?;
    for (name, policy, script, phase) in [
        ("well", "OnFailure", "exit 0", "Succeeded"),
        ("ill", "Never", "exit 1", "Failed"),
    ] {
        let spec = json!({ "restartPolicy": policy });
        apply(bench, pod(&namespace, name, spec, shell(script))).await?;
        let ended =
            |pod: &Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some(phase);
        let pod = wait_for(&pods, name, "it to end", PATIENCE, ended).await?;
        same(status(&pod)["restartCount"].clone(), json!(0))?;
    }
    Ok(())
}

pub async fn deletion(bench: &Bench) -> Result<()> {
    let namespace = restricted(bench, "deletion").await?;
    let pods: Api<Pod> = namespace.api()?;
    let trap = |command: &str| {
        shell(&format!(
            "trap '{command}' TERM; echo trapped; while :; do sleep 0.1; done"
        ))
    };
    for (name, grace, command, code) in [("asked", 60, "exit 7", 7), ("killed", 1, "", 137)] {
        let more = json!({ "terminationGracePeriodSeconds": grace });
        let mut pod = pod(&namespace, name, more, trap(command));
        // It keeps the Pod's last words.
        pod["metadata"]["finalizers"] = json!(["suite.example/read"]);
        apply(bench, pod).await?;
        let runs = |pod: &Pod| status(pod)["state"]["running"].is_object();
        let running = wait_for(&pods, name, "it to run", PATIENCE, runs).await?;
        same((name, is_ready(&running)), (name, true))?;
        let trapped = || async {
            bench
                .node()
                .log(&running)
                .map(|log| log.contains("trapped"))
                .unwrap_or(false)
        };
        until("the shell to be ready for SIGTERM", PATIENCE, trapped).await?;

        pods.delete(name, &DeleteParams::default()).await?;
        let ended = |pod: &Pod| status(pod)["state"]["terminated"]["exitCode"] == code;
        let ended = wait_for(&pods, name, "its end", PATIENCE, ended).await?;
        same(is_ready(&ended), false)?;
        let release = json!({ "metadata": { "finalizers": null } });
        pods.patch(
            &ended.name_any(),
            &PatchParams::default(),
            &Patch::Merge(release),
        )
        .await?;
        wait_gone(&pods, name, PATIENCE).await?;
    }
    Ok(())
}
