//! What a collector is sent of the operator's work.

mod receiver;
#[path = "../scene/mod.rs"]
mod scene;

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    TlsFront,
    aws::refusal,
    proxy::{Action, Rule},
};
use http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use opentelemetry_proto::tonic::trace::v1::Span;
use receiver::{Receiver, failed, texts};
use scene::{PATIENCE, Scene, program::Program};
use serde_json::json;

/// What no span may hold.
const CANARY: &str = "canary-secret-of-traces";

/// The life of a bucket, of which one part is refused for a while. The program is stopped in order.
async fn live(scene: &Scene, environment: &[(&str, &str)]) -> Result<String> {
    let served = scene.program(&scene.cluster.config(), &[], environment)?;
    scene.provider("account").await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "account" },
        "stringData": { "AWS_SECRET_ACCESS_KEY": CANARY },
    });
    let params = PatchParams::apply("test").force();
    let secrets = scene.api_of::<Secret>();
    secrets
        .patch("account", &params, &Patch::Apply(&secret))
        .await?;
    scene.keys("account", "AKIDCANARY").await?;
    scene.ready::<AWSProvider>("account").await?;
    let denied = scene.aws.proxy().rule(Rule::when(
        |call| call.about == "PutBucketVersioning",
        Action::Answer(refusal::s3(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        )),
    ));
    let versioned = json!({ "versioning": { "enabled": true } });
    scene.bucket("data", "account", versioned).await?;
    scene.refused::<S3Bucket>("data", "AccessDenied").await?;
    denied.remove();
    scene.request_pass::<S3Bucket>("data").await?;
    scene.ready::<S3Bucket>("data").await?;
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    let ended = served.program.terminate().await?;
    let output = served.program.output();
    ensure!(ended.success(), "{output}");
    Ok(output)
}

/// The names of the spans that were within any of these.
fn within<'s>(spans: &'s [Span], parents: &[&Span]) -> BTreeSet<&'s str> {
    let of_one = |span: &&Span| {
        let is = |parent: &&&Span| {
            parent.span_id == span.parent_span_id && parent.trace_id == span.trace_id
        };
        parents.iter().any(|parent| is(&parent))
    };
    spans.iter().filter(of_one).map(|it| &*it.name).collect()
}

#[tokio::test]
async fn a_pass_is_a_span_with_all_that_it_asked_for_within() -> Result<()> {
    let (scene, receiver) = (Scene::new("traces").await?, Receiver::start().await?);
    let url = receiver.url();
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=tests",
        ),
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "error"),
    ];
    let output = live(&scene, &environment).await?;
    let resource = receiver.resource()?;
    assert_eq!(resource["service.name"], "cloud-operator");
    assert_eq!(resource["deployment.environment.name"], "tests");

    let spans = receiver.spans();
    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|it| it.name == name).collect() };
    let passes = named("s3bucket.reconcile");
    for pass in &passes {
        let attributes = texts(&pass.attributes);
        assert_eq!(attributes["k8s.namespace.name"], scene.namespace.name());
        assert_eq!(attributes["k8s.object.name"], "data");
        ensure!(pass.parent_span_id.is_empty(), "{pass:?}");
        ensure!(pass.end_time_unix_nano > pass.start_time_unix_nano);
    }
    let inside = within(&spans, &passes);
    for expected in [
        "S3.CreateBucket",
        "S3.PutBucketVersioning",
        "S3.DeleteBucket",
        "api.patch",
    ] {
        ensure!(inside.contains(expected), "no {expected} in {inside:?}");
    }
    let inside = within(&spans, &named("awsprovider.reconcile"));
    for expected in ["STS.GetCallerIdentity", "api.patch"] {
        ensure!(inside.contains(expected), "no {expected} in {inside:?}");
    }
    let writes = named("api.patch");
    let to_status = writes
        .iter()
        .map(|it| texts(&it.attributes))
        .any(|it| it["k8s.resource"] == "s3buckets" && it["k8s.subresource"] == "status");
    ensure!(to_status, "{writes:#?}");

    let refused = passes.iter().find(|it| failed(it));
    let attributes = texts(&refused.context("a pass that failed")?.attributes);
    assert_eq!(attributes["fault.reason"], "AccessDenied");

    let all = receiver.all();
    for secret in [CANARY, "AKIDCANARY"] {
        ensure!(!all.contains(secret), "{secret} was sent");
    }
    ensure!(
        !output.contains("otel."),
        "the log is another thing: {output}"
    );
    Ok(())
}

#[tokio::test]
async fn the_environment_says_who_sends_and_how_much() -> Result<()> {
    let (scene, receiver) = (Scene::new("sampled").await?, Receiver::start().await?);
    let url = receiver.url();
    let environment = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*url),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ];
    live(&scene, &environment).await?;
    ensure!(receiver.spans().is_empty(), "{:#?}", receiver.spans());

    let again = Scene::new("named").await?;
    let environment = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*url),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_SERVICE_NAME", "buckets"),
    ];
    live(&again, &environment).await?;
    assert_eq!(receiver.resource()?["service.name"], "buckets");
    Ok(())
}

#[tokio::test]
async fn a_collector_behind_tls_is_believed_by_the_bundle_alone() -> Result<()> {
    let receiver = Receiver::start().await?;
    let front = TlsFront::of(receiver.address(), &[]).await?;
    let folder = tempfile::tempdir()?;
    let bundle = folder.path().join("bundle.pem");
    fs::write(&bundle, front.authority())?;
    let bundle = bundle.to_str().context("a path of text")?;
    let url = front.url();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str());

    let strangers = Scene::new("distrusted").await?;
    live(&strangers, &[endpoint]).await?;
    ensure!(receiver.spans().is_empty(), "{:#?}", receiver.spans());

    for (prefix, setting) in [
        ("bundle", "CA_BUNDLE"),
        ("certificate", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    ] {
        let before = receiver.spans().len();
        let scene = Scene::new(prefix).await?;
        live(&scene, &[endpoint, (setting, bundle)]).await?;
        ensure!(receiver.spans().len() > before, "by {setting}");
    }
    Ok(())
}

#[tokio::test]
async fn without_an_endpoint_nobody_is_sent_anything() -> Result<()> {
    let (scene, receiver) = (Scene::new("untraced").await?, Receiver::start().await?);
    let url = receiver.url();
    live(&scene, &[("OTEL_SERVICE_NAME", "buckets")]).await?;
    let off = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("OTEL_SDK_DISABLED", "true"),
    ];
    let again = Scene::new("disabled").await?;
    live(&again, &off).await?;
    let gated = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
        ("FEATURE_GATES", "Traces=false"),
    ];
    let gated_scene = Scene::new("gated").await?;
    live(&gated_scene, &gated).await?;
    assert_eq!(receiver.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_at_the_start() -> Result<()> {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    for (environment, expected) in [
        (
            vec![endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
            "OTEL_EXPORTER_OTLP_PROTOCOL: \"http/protobuf\" is not allowed; allowed: grpc",
        ),
        (
            vec![(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "https://user:canary@collector",
            )],
            "OTEL_EXPORTER_OTLP_ENDPOINT: https://HOST:PORT is allowed, without user and password",
        ),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")],
            "OTEL_EXPORTER_OTLP_ENDPOINT: allowed: https://HOST:PORT",
        ),
    ] {
        let program = Program::start(&["--leader-elect=false".to_owned()], &environment)?;
        let ended = tokio::time::timeout(PATIENCE, program.ends()).await??;
        let output = program.output();
        assert_eq!(ended.code(), Some(1), "{output}");
        ensure!(
            output.contains(expected) && !output.contains("canary"),
            "{output}"
        );
    }
    Ok(())
}
