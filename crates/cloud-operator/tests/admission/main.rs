//! What is said of objects before they are stored, by an API server that really asks.

#[path = "../scene/mod.rs"]
mod scene;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    proxy::{Action, Call, Rule},
    wait,
};
use http::{Request, header::WARNING};
use k8s_openapi::{ByteString, api::core::v1::Namespace};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    client::Body,
};
use scene::{PATIENCE, Running, Scene, UNHURRIED, hook::Hook};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// An operator with webhooks that the API server believes, and a provider that is ready.
async fn judged(prefix: &str) -> Result<(Scene, Hook, Running)> {
    let scene = Scene::new(prefix).await?;
    let hook = Hook::new(&scene)?;
    hook.register().await?;
    let operator = scene.operator_with(&settings(&hook.settings()))?;
    hook.believed().await?;
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    Ok((scene, hook, operator))
}

fn settings(more: &[String]) -> Vec<&str> {
    let more = more.iter().map(String::as_str);
    UNHURRIED.iter().copied().chain(more).collect()
}

fn object(scene: &Scene, name: &str, bucket: &str, provider: &str) -> Value {
    json!({
        "apiVersion": S3Bucket::api_version(&()), "kind": "S3Bucket", "metadata": { "name": name },
        "spec": { "providerRef": { "name": provider }, "bucketName": scene.bucket_name(bucket) },
    })
}

/// Why the API server does not store an object, as somebody who only asks is told; `None` where it would.
async fn refusal(scene: &Scene, object: Value) -> Result<Option<String>, String> {
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let object: S3Bucket = serde_json::from_value(object).map_err(|error| error.to_string())?;
    match scene.buckets().create(&dry, &object).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Some(status.message.clone())),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits until a second object for the bucket of `data` is refused: the API server learns of a configuration, and
/// the operator of objects, a moment later.
async fn is_refused(scene: &Scene, second: Value) -> Result<String> {
    let said = parking_lot::Mutex::new(None);
    let refused = || async {
        let refusal = refusal(scene, second.clone()).await?;
        *said.lock() = refusal;
        let known = said.lock().is_some();
        known.then_some(()).ok_or("it is let pass".to_owned())
    };
    wait::until("a second object to be refused", PATIENCE, refused).await?;
    said.into_inner().context("a refusal")
}

#[tokio::test]
async fn a_second_object_for_one_bucket_is_refused_naming_the_first() -> Result<()> {
    let (scene, hook, operator) = judged("second").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let namespace = scene.namespace.name();
    let first = format!("S3Bucket {namespace}/data");

    let said = is_refused(&scene, object(&scene, "second", "data", "account")).await?;
    ensure!(
        said.contains(&first) && said.contains("spec.bucketName"),
        "{said}"
    );
    let second = scene
        .create::<S3Bucket>(object(&scene, "second", "data", "account"))
        .await;
    let said = format!("{:#}", second.expect_err("it is refused in earnest, too"));
    ensure!(said.contains(&first), "{said}");

    // By another provider that leads to the same account, too.
    scene.provider("alias").await?;
    scene.ready::<AWSProvider>("alias").await?;
    let said = is_refused(&scene, object(&scene, "second", "data", "alias")).await?;
    ensure!(said.contains(&first), "{said}");

    // Another name is free, and the first object stays editable.
    let other = refusal(&scene, object(&scene, "second", "other", "account")).await;
    assert_eq!(other, Ok(None));
    let tagged = json!({ "spec": { "tags": { "team": "media" } } });
    scene.patch::<S3Bucket>("data", tagged).await?;
    scene.ready::<S3Bucket>("data").await?;
    hook.remove().await?;
    operator.stop().await
}

/// Whether the deletion of the provider would be refused in these words.
async fn is_in_use(scene: &Scene, words: &str) -> Result<(), String> {
    let dry = DeleteParams {
        dry_run: true,
        ..DeleteParams::default()
    };
    match scene.providers().delete("account", &dry).await {
        Err(kube::Error::Api(status)) if status.message.contains(words) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_provider_in_use_is_not_deleted() -> Result<()> {
    let (scene, hook, operator) = judged("used").await?;
    let namespace = scene.namespace.name();
    let names = ["b1", "b2", "b3", "b4", "b5", "b6", "b7"];
    for name in names {
        scene.bucket(name, "account", json!({})).await?;
    }
    for name in names {
        scene.ready::<S3Bucket>(name).await?;
    }
    let refused = || is_in_use(&scene, "used by 7 S3Buckets");
    wait::until("its deletion to be refused", PATIENCE, refused).await?;
    let refused = scene.delete::<AWSProvider>("account").await;
    let said = format!("{:#}", refused.expect_err("it is in use"));
    let expected = format!(
        "used by 7 S3Buckets: {namespace}/b1, {namespace}/b2, {namespace}/b3, {namespace}/b4, {namespace}/b5 and 2 more;"
    );
    ensure!(said.contains(&expected), "{said}");

    // With all that uses it, it goes: nobody is asked for an order.
    scene.namespace.delete().await?;
    for name in names {
        let name = scene.bucket_name(name);
        assert!(!scene.somebody.exists(&name).await?, "{name}");
    }
    hook.remove().await?;
    operator.stop().await
}

#[tokio::test]
async fn whoever_writes_a_bucket_is_warned() -> Result<()> {
    let (scene, hook, operator) = judged("warned").await?;
    let post = |name: &'static str, more: Value| {
        let mut object = object(&scene, name, name, "account");
        for (field, value) in more.as_object().into_iter().flatten() {
            object["spec"][field] = value.clone();
        }
        let path = format!("{}?dryRun=All", scene.buckets().resource_url());
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(object.to_string().into_bytes()));
        let client = scene.cluster.client();
        async move {
            let answer = client?.send(request?).await?;
            let warnings = answer.headers().get_all(WARNING).iter();
            let warnings = warnings.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            anyhow::Ok(warnings.collect::<Vec<_>>())
        }
    };
    let plain = || async {
        let warned = post("plain", json!({})).await.map_err(|e| e.to_string())?;
        let told = warned.iter().any(|it| it.contains("spec.deletionPolicy"));
        told.then_some(()).ok_or(format!("{warned:?}"))
    };
    wait::until("a warning", PATIENCE, plain).await?;
    let careful = json!({ "versioning": { "enabled": true }, "deletionPolicy": "Retain" });
    let warned = post("careful", careful).await?;
    ensure!(warned.is_empty(), "{warned:?}");
    let careless = json!({
        "versioning": { "enabled": true }, "deletionPolicy": "Delete", "emptyOnDelete": true,
    });
    let warned = post("careless", careless).await?;
    ensure!(
        warned.len() == 1 && warned[0].contains("spec.emptyOnDelete"),
        "{warned:?}"
    );

    // What the namespace says is known, too.
    let said = json!({ "aws-infra-operator.runner.codes/deletion-policy": "Retain" });
    let namespaces: Api<Namespace> = Api::all(scene.cluster.client()?);
    let patch = Patch::Merge(json!({ "metadata": { "annotations": said } }));
    let name = scene.namespace.name();
    namespaces
        .patch(name, &PatchParams::default(), &patch)
        .await?;
    let kept = || async {
        let warned = post("kept", json!({})).await.map_err(|e| e.to_string())?;
        let told = warned.iter().any(|it| it.contains("spec.deletionPolicy"));
        (!told).then_some(()).ok_or(format!("{warned:?}"))
    };
    wait::until("no warning of a deletion that will not be", PATIENCE, kept).await?;
    hook.remove().await?;
    operator.stop().await
}

#[tokio::test]
async fn authorities_that_could_not_be_written_are_not_left_for_a_minute() -> Result<()> {
    let scene = Scene::new("again").await?;
    let hook = Hook::new(&scene)?;
    let written =
        |call: &Call| call.about == "validatingwebhookconfigurations" && call.method == "PATCH";
    let lost = Rule::when(written, Action::DropBefore).times(2);
    let lost = scene.api.proxy().rule(lost);
    hook.register().await?;
    let operator = scene.operator_with(&settings(&hook.settings()))?;
    hook.believed().await?;
    assert_eq!(lost.hits(), 2);
    hook.remove().await?;
    operator.stop().await
}

#[tokio::test]
async fn the_leader_keeps_the_authorities_and_nothing_else() -> Result<()> {
    let (scene, hook, operator) = judged("bundle").await?;
    let before = hook.believed().await?;
    let bundles: Vec<&ByteString> = before
        .webhooks
        .iter()
        .flatten()
        .filter_map(|it| it.client_config.ca_bundle.as_ref())
        .collect();
    assert_eq!(bundles.len(), 2);
    ensure!(
        bundles
            .iter()
            .all(|it| it.0.starts_with(b"-----BEGIN CERTIFICATE-----"))
    );

    // Somebody writes it anew, and another way.
    hook.patch(json!([
        { "op": "remove", "path": "/webhooks/0/clientConfig/caBundle" },
        { "op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 7 },
    ]))
    .await?;
    operator.clock.advance(Duration::from_secs(61));
    let after = hook.believed().await?;
    let mut expected = before.webhooks.clone();
    for webhook in expected.iter_mut().flatten().take(1) {
        webhook.timeout_seconds = Some(7);
    }
    assert_eq!(after.webhooks, expected);
    let writes = scene.api.proxy().requests();
    let about = "validatingwebhookconfigurations";
    let written = writes
        .iter()
        .filter(|it| it.call.about == about && it.call.method == "PATCH");
    assert_eq!(written.count(), 2, "once at first, and once more");
    hook.remove().await?;
    operator.stop().await
}

#[tokio::test]
async fn a_replica_that_does_not_lead_serves_and_none_is_required() -> Result<()> {
    let (scene, hook, leader) = judged("replica").await?;
    scene.bucket("data", "account", json!({})).await?;
    scene.ready::<S3Bucket>("data").await?;
    let second = || object(&scene, "second", "data", "account");
    is_refused(&scene, second()).await?;
    // One that has nothing in AWS, and so nothing that holds the provider.
    let observed = json!({ "mode": "Observe" });
    scene.bucket("observed", "account", observed).await?;
    let in_use = || is_in_use(&scene, "used by 2 S3Buckets");
    wait::until("both to be counted", PATIENCE, in_use).await?;

    let other = Hook::new(&scene)?;
    let replica = scene.operator_with(&settings(&other.settings()))?;
    hook.patch(json!([
        { "op": "replace", "path": "/webhooks/0/clientConfig/url",
          "value": format!("https://{}/validate-s3bucket", other.address()) },
        { "op": "replace", "path": "/webhooks/1/clientConfig/url",
          "value": format!("https://{}/validate-awsprovider", other.address()) },
    ]))
    .await?;
    // Whoever answers: once the leader is gone, only the replica can.
    leader.crash().await;
    is_refused(&scene, second()).await?;
    wait::until("both to be counted alike", PATIENCE, in_use).await?;

    replica.stop().await?;
    let let_pass = || async { refusal(&scene, second()).await == Ok(None) };
    wait::until("it to be let pass with no webhook", PATIENCE, let_pass).await?;
    hook.remove().await
}

#[tokio::test]
async fn there_is_no_webhook_by_default() -> Result<()> {
    let scene = Scene::new("none").await?;
    let operator = scene.operator()?;
    is_not_served(&scene, None, operator).await
}

#[tokio::test]
async fn a_gate_turns_webhooks_off() -> Result<()> {
    let scene = Scene::new("gated").await?;
    let hook = Hook::new(&scene)?;
    let off = ["--feature-gates=AdmissionWebhooks=false".to_owned()];
    let operator = scene.operator_with(&settings(&[&hook.settings()[..], &off].concat()))?;
    is_not_served(&scene, Some(&hook), operator).await
}

async fn is_not_served(scene: &Scene, hook: Option<&Hook>, operator: Running) -> Result<()> {
    scene.provider("account").await?;
    scene.ready::<AWSProvider>("account").await?;
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = scene.api_of();
    let own = format!("{}-serving-cert", cloud_operator::NAME);
    assert!(
        secrets.get_opt(&own).await?.is_none(),
        "no certificate either"
    );
    if let Some(hook) = hook {
        let came = TcpStream::connect(hook.address()).await;
        ensure!(came.is_err(), "somebody listens");
    }
    operator.stop().await
}
