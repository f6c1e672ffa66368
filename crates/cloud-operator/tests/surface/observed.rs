//! What the program shows of its work.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    Scrape,
    aws::refusal,
    documented,
    proxy::{Action, Call, Rule},
    wait,
};
use http::StatusCode;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, outside::REGION, program::Served};

/// A scene whose bucket has become ready, and the program that brought it there.
async fn at_work(prefix: &str, more: &[&str]) -> Result<(Scene, Served)> {
    let scene = Scene::new(prefix).await?;
    let served = scene.program(&scene.cluster.config(), more, &[("LOG_FORMAT", "json")])?;
    scene.provider("account").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<AWSProvider>("account").await?;
    scene.ready::<S3Bucket>("data").await?;
    Ok((scene, served))
}

#[tokio::test]
async fn probes_answer_as_kubernetes_own_servers_do() -> Result<()> {
    let (_scene, served) = at_work("probes", &[]).await?;
    served.ready().await?;
    for path in ["/healthz", "/livez", "/readyz", "/ready"] {
        let answer = served.probe(path).await?;
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "{path}");
        let verbose = served.probe(&format!("{path}?verbose")).await?;
        assert_eq!(verbose.status, 200);
        let last = format!("{} check passed\n", &path[1..]);
        ensure!(verbose.body.ends_with(&last), "{verbose:?}");
        if path.starts_with("/ready") {
            for watch in ["awsprovider", "s3bucket"] {
                ensure!(
                    verbose.body.contains(&format!("[+]watch-{watch} ok\n")),
                    "{verbose:?}"
                );
            }
        }
    }
    assert_eq!(served.probe("/elsewhere").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn metrics_have_their_promised_names_and_tell_the_truth() -> Result<()> {
    let (scene, served) = at_work("metrics", &["--max-concurrent-reconciles=7"]).await?;
    // The last pass is counted after its object has become ready.
    let lease = format!("{{name=\"{}\"}}", cloud_operator::LEASE);
    let settled = || async {
        let samples = served.samples().await.map_err(|e| e.to_string())?;
        check(&samples, &lease).map_err(|e| format!("{e:#}\n{samples:#?}"))
    };
    wait::until("the metrics to settle", PATIENCE, settled).await?;

    let text = served.ask("/metrics").await?.body;
    documented(&text, cloud_operator::NAME)?;
    let samples = served.samples().await?;
    let infra = |name: &str| samples.get(&format!("infra_operator_{name}")).copied();
    let ready = |kind| {
        infra(&format!(
            "resources_total{{resource_type=\"{kind}\",status=\"ready\"}}"
        ))
    };
    assert_eq!(
        (ready("awsprovider"), ready("s3bucket")),
        (Some(1.0), Some(1.0))
    );
    let namespace = scene.namespace.name();
    let provider = format!(
        "provider_ready{{provider_name=\"account\",namespace=\"{namespace}\",region=\"{REGION}\"}}"
    );
    assert_eq!(infra(&provider), Some(1.0), "{samples:#?}");
    let created =
        "aws_api_calls_total{service=\"s3\",operation=\"CreateBucket\",result=\"success\"}";
    assert_eq!(infra(created), Some(1.0), "{samples:#?}");
    // It was looked for before it was made.
    let missed =
        "aws_api_errors_total{service=\"s3\",operation=\"ListBucket\",error_code=\"NotFound\"}";
    assert_eq!(infra(missed), Some(1.0), "{samples:#?}");

    let before = samples[&total("s3bucket", "success")];
    scene.request_pass::<S3Bucket>("data").await?;
    let counted = || async {
        let samples = served.samples().await.map_err(|e| e.to_string())?;
        let now = samples[&total("s3bucket", "success")];
        (now > before)
            .then_some(())
            .ok_or(format!("{before} and then {now}"))
    };
    wait::until("the next pass to be counted", PATIENCE, counted).await
}

#[tokio::test]
async fn metrics_tell_what_went_wrong_and_was_mended() -> Result<()> {
    let (scene, served) = at_work("mended", &[]).await?;
    let counted = async |name: &str, expected: f64| {
        let name = format!("infra_operator_{name}");
        let check = || async {
            let samples = served.samples().await.map_err(|e| e.to_string())?;
            let found = samples.get(&name).copied();
            let holds = found == Some(expected);
            holds.then_some(()).ok_or(format!("{name} is {found:?}"))
        };
        wait::until("it to be counted", PATIENCE, check).await
    };
    let answers = |operation: &'static str, status, code| {
        let answer = Action::Answer(refusal::s3(status, code, "no"));
        let asked = move |call: &Call| call.about == operation;
        scene.aws.proxy().rule(Rule::when(asked, answer).once())
    };

    scene.keys("account", "AKIDANOTHER").await?;
    counted("provider_credential_rotations_total", 1.0).await?;

    let edit = json!({ "spec": { "tags": { "team": "a" } } });
    scene.patch::<S3Bucket>("data", edit).await?;
    scene.ready::<S3Bucket>("data").await?;
    let bucket = scene.bucket_name("data");
    let mut tags = scene.somebody.tags(&bucket).await?;
    tags.insert("team".to_owned(), "b".to_owned());
    scene.somebody.set_tags(&bucket, &tags).await?;
    let failed = answers(
        "PutBucketTagging",
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
    );
    scene.request_pass::<S3Bucket>("data").await?;
    counted(
        "drift_healed_total{resource_type=\"s3bucket\",facet=\"tags\"}",
        1.0,
    )
    .await?;
    assert_eq!(failed.hits(), 1);
    counted(
        "drift_healing_failures_total{resource_type=\"s3bucket\"}",
        1.0,
    )
    .await?;

    // What only a call about a bucket meets is the provider's all the same, and told.
    answers("GetBucketTagging", StatusCode::FORBIDDEN, "AccountProblem");
    let asked = json!({ "metadata": { "annotations": {
        "aws-infra-operator.runner.codes/reconcile-requested-at": "again",
    } } });
    scene.patch::<S3Bucket>("data", asked).await?;
    let said = scene
        .event::<S3Bucket>("data", "AuthenticationFailed")
        .await?;
    ensure!(said.contains("s3:"), "{said}");

    answers(
        "DeleteBucket",
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
    );
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let of_buckets = |name: &str| format!("{name}{{resource_type=\"s3bucket\"}}");
    counted(&of_buckets("finalizer_duration_seconds_count"), 1.0).await?;
    counted(&of_buckets("finalizer_errors_total"), 1.0).await?;
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_its_provider_stops_is_counted() -> Result<()> {
    let (scene, served) = at_work("stopped", &[]).await?;
    let expired = refusal::s3(StatusCode::BAD_REQUEST, "ExpiredToken", "no");
    let asked = |call: &Call| call.about == "DeleteBucket";
    let rule = Rule::when(asked, Action::Answer(expired)).once();
    let rule = scene.aws.proxy().rule(rule);
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(rule.hits(), 1);
    let of_buckets = |name: &str| format!("infra_operator_{name}{{resource_type=\"s3bucket\"}}");
    // The last pass is counted after its object has gone.
    let counted = || async {
        let samples = served.samples().await.map_err(|e| e.to_string())?;
        let value = |name: &str| samples.get(&of_buckets(name)).copied();
        let found = (
            value("finalizer_errors_total"),
            value("finalizer_duration_seconds_count"),
        );
        let holds = found == (Some(1.0), Some(1.0));
        holds.then_some(()).ok_or(format!("{found:?}"))
    };
    wait::until("it to be counted", PATIENCE, counted).await
}

#[tokio::test]
async fn metrics_are_by_default_for_whoever_has_the_right() -> Result<()> {
    let scene = Scene::new("secure").await?;
    let namespace = scene.namespace.name();
    let scrape = Scrape::of(&scene.cluster, namespace, cloud_operator::NAME)?;
    let settings = scrape.settings();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let _served = scene.program(&scene.cluster.config(), &settings, &[])?;
    let rights = cloud_operator::rbac::metrics_reader();
    let page = scrape.guarded(rights).await?;
    let told = "operator_build_info{operator=\"cloud-operator\"";
    ensure!(page.contains(told), "{page}");
    Ok(())
}

fn total(controller: &str, result: &str) -> String {
    format!("controller_runtime_reconcile_total{{controller=\"{controller}\",result=\"{result}\"}}")
}

fn check(samples: &BTreeMap<String, f64>, lease: &str) -> Result<()> {
    let value = |name: &str| {
        let value = samples.get(name).copied();
        value.with_context(|| format!("{name} is missing"))
    };
    let is = |name: &str, expected: f64| {
        let value = value(name)?;
        ensure!(value == expected, "{name} is {value}, not {expected}");
        anyhow::Ok(())
    };
    for controller in ["awsprovider", "s3bucket"] {
        let of = |name: &str| format!("{name}{{controller=\"{controller}\"}}");
        let of_queue =
            |name: &str| format!("{name}{{name=\"{controller}\",controller=\"{controller}\"}}");
        ensure!(value(&total(controller, "success"))? >= 1.0);
        is(&total(controller, "error"), 0.0)?;
        is(&of("controller_runtime_reconcile_errors_total"), 0.0)?;
        is(
            &of("controller_runtime_terminal_reconcile_errors_total"),
            0.0,
        )?;
        is(&of("controller_runtime_reconcile_panics_total"), 0.0)?;
        is(&of("controller_runtime_max_concurrent_reconciles"), 7.0)?;
        is(&of("controller_runtime_active_workers"), 0.0)?;
        let mut passes = 0.0;
        for result in ["success", "error", "requeue", "requeue_after"] {
            passes += value(&total(controller, result))?;
        }
        is(
            &of("controller_runtime_reconcile_time_seconds_count"),
            passes,
        )?;
        is(&of_queue("workqueue_queue_duration_seconds_count"), passes)?;
        is(&of_queue("workqueue_work_duration_seconds_count"), passes)?;
        ensure!(value(&of_queue("workqueue_adds_total"))? >= passes);
        value(&of_queue("workqueue_retries_total"))?;
        is(&of_queue("workqueue_unfinished_work_seconds"), 0.0)?;
        is(
            &of_queue("workqueue_longest_running_processor_seconds"),
            0.0,
        )?;
        for class in ["edit", "reference", "retry", "resync"] {
            is(
                &format!(
                    "workqueue_depth{{name=\"{controller}\",controller=\"{controller}\",priority=\"{class}\"}}"
                ),
                0.0,
            )?;
        }
        is(
            &format!("operator_watch_errors_total{{kind=\"{controller}\"}}"),
            0.0,
        )?;
    }
    is(&format!("leader_election_master_status{lease}"), 1.0)?;
    value(&format!("leader_election_slowpath_total{lease}"))?;
    is("operator_events_dropped_total", 0.0)?;
    ensure!(value("process_resident_memory_bytes")? > 1e6);
    ensure!(value("process_cpu_seconds_total")? > 0.0);
    ensure!(value("process_open_fds")? > 3.0);
    ensure!(value("process_start_time_seconds")? > 1.5e9);
    Ok(())
}

#[tokio::test]
async fn the_state_shows_watches_queues_secrets_and_the_lease() -> Result<()> {
    let (scene, served) = at_work("state", &[]).await?;
    let namespace = scene.namespace.name();
    let state: Value = serde_json::from_str(&served.ask("/debug/state").await?.body)?;
    for kind in ["awsprovider", "s3bucket"] {
        let watch = &state[format!("watch/{kind}")];
        assert_eq!(watch["synced"], true, "{state:#}");
        assert_eq!(
            (&watch["objects"], &watch["unreadable"]),
            (&json!(1), &json!(0))
        );
        let queue = &state[format!("queue/{kind}")];
        let classes: BTreeSet<_> = queue["ready"]
            .as_object()
            .context("classes")?
            .keys()
            .collect();
        assert_eq!(classes.len(), 4, "{classes:?}");
        ensure!(queue.get("oldestWaiting").is_some(), "{queue:#}");
        ensure!(
            queue["delayed"].is_u64() && queue["running"].is_object(),
            "{queue:#}"
        );
    }
    assert_eq!(state["secrets"][namespace]["referenced"], 1, "{state:#}");
    let lease = &state["lease"];
    assert_eq!(lease["leading"], true);
    assert_eq!(
        lease["lease"],
        format!("{namespace}/{}", cloud_operator::LEASE)
    );
    assert_eq!(lease["holder"], lease["identity"]);
    Ok(())
}

#[tokio::test]
async fn a_transition_is_one_line_of_json_that_says_whose_it_is() -> Result<()> {
    let (scene, served) = at_work("lines", &[]).await?;
    for _ in 0..3 {
        scene.request_pass::<S3Bucket>("data").await?;
    }
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    assert_eq!(served.program.terminate().await?.code(), Some(0));

    let mut ready = Vec::new();
    for line in served.program.output().lines() {
        let parsed: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let at = parsed["ts"].as_str().context("ts")?;
        ensure!(at.len() == "2026-01-01T00:00:00.000Z".len(), "{at}");
        at.parse::<Timestamp>()?;
        ensure!(parsed["msg"].is_string(), "{line}");
        let level = parsed["level"].as_str().context("level")?;
        ensure!(["error", "warn", "info"].contains(&level), "{line}");
        if parsed["kind"] == "S3Bucket" && parsed["reason"] == "BucketReady" {
            ready.push(parsed);
        }
    }
    let [line] = &*ready else {
        anyhow::bail!("not one line: {ready:#?}");
    };
    let namespace = scene.namespace.name();
    for (field, expected) in [
        ("level", json!("info")),
        ("controller", json!("s3bucket")),
        ("namespace", json!(namespace)),
        ("name", json!("data")),
        ("generation", json!(1)),
    ] {
        assert_eq!(line[field], expected, "{line:#}");
    }
    let id = line["reconcileID"].as_str().context("reconcileID")?;
    ensure!(!id.is_empty());
    Ok(())
}

#[tokio::test]
async fn sigterm_gives_the_lease_back() -> Result<()> {
    let (scene, served) = at_work("lease", &["--leader-election-lease-duration=30s"]).await?;
    let leases = scene.api_of::<Lease>();
    let held = leases
        .get(cloud_operator::LEASE)
        .await?
        .spec
        .context("a spec")?;
    assert_eq!(held.lease_duration_seconds, Some(30));
    let holder = held.holder_identity.context("a holder")?;
    ensure!(
        holder.starts_with(&format!("{}_", scene.namespace.name())),
        "{holder}"
    );

    assert_eq!(served.program.terminate().await?.code(), Some(0));
    let lease = leases.get(cloud_operator::LEASE).await?;
    let released = lease.spec.clone().context("a spec")?;
    assert_eq!(
        released.holder_identity.unwrap_or_default(),
        "",
        "{} is still held",
        lease.name_any()
    );
    // As client-go does, so that nobody waits for a lease that nobody holds.
    assert_eq!(released.lease_duration_seconds, Some(1));
    Ok(())
}
