//! Objects that were stored under an earlier, looser schema, and that this version cannot read.

mod scene;

use anyhow::{Result, ensure};
use crd_types::aws::v1alpha1::{S3Bucket, crds};
use harness::{ControlPlane, wait};
use k8s_openapi::{
    api::events::v1::Event,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSONSchemaProps,
    },
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use scene::{PATIENCE, Scene};
use serde_json::{Value, json};

/// The definition as a version may have had it that took any spec.
fn looser(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        version.selectable_fields = None;
        version.additional_printer_columns = None;
        let schema = version.schema.as_mut();
        let whole = schema.and_then(|schema| schema.open_api_v3_schema.as_mut());
        let fields = whole.and_then(|whole| {
            whole.x_kubernetes_validations = None;
            whole.properties.as_mut()
        });
        if let Some(fields) = fields {
            let anything = JSONSchemaProps {
                type_: Some("object".to_owned()),
                x_kubernetes_preserve_unknown_fields: Some(true),
                ..JSONSchemaProps::default()
            };
            fields.insert("spec".to_owned(), anything);
        }
    }
    definition
}

fn unready_reason(object: &DynamicObject) -> Option<(String, String)> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|it| it["type"] == "Ready")?;
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    (ready["status"] == "False").then(|| (text("reason"), text("message")))
}

/// Waits until an object says that it cannot be read, in these words among others.
async fn told(buckets: &Api<DynamicObject>, name: &str, words: &str) -> Result<DynamicObject> {
    let said = || async {
        let object = buckets.get(name).await;
        let object = object.map_err(|error| error.to_string())?;
        match unready_reason(&object) {
            Some((reason, message)) if reason == "Unreadable" && message.contains(words) => Ok(()),
            _ => Err(format!("{:#}", object.data)),
        }
    };
    wait::until("it to be told", PATIENCE, said).await?;
    Ok(buckets.get(name).await?)
}

async fn patch(buckets: &Api<DynamicObject>, name: &str, patch: Value) -> kube::Result<()> {
    let patch = Patch::Merge(patch);
    let patched = buckets.patch(name, &PatchParams::default(), &patch).await;
    patched.map(drop)
}

async fn gone(buckets: &Api<DynamicObject>, name: &str) -> Result<()> {
    let is_gone = || async { matches!(buckets.get_opt(name).await, Ok(None)) };
    wait::until("it to be gone", PATIENCE, is_gone).await
}

#[tokio::test]
async fn what_cannot_be_read_is_told_on_itself_and_the_others_go_on() -> Result<()> {
    let own = ControlPlane::start().await?;
    own.install_crds(crds().into_iter().map(looser)).await?;
    let before = own.namespace("loose").await?;
    let resource = ApiResource::erase::<S3Bucket>(&());
    let dynamic = |namespace: &str| -> Result<Api<DynamicObject>> {
        Ok(Api::namespaced_with(own.client()?, namespace, &resource))
    };
    let buckets = dynamic(before.name())?;
    // A rule of admission looks at the name of `mute`: with that in it the API server takes no status.
    for (name, spec) in [
        (
            "wrong",
            json!({
                "providerRef": { "name": "account" },
                "bucketName": "wrong",
                "versioning": { "enabled": "yes" },
            }),
        ),
        (
            "mute",
            json!({ "providerRef": { "name": "account" }, "bucketName": 7 }),
        ),
    ] {
        let stored: DynamicObject = serde_json::from_value(json!({
            "apiVersion": resource.api_version, "kind": "S3Bucket",
            "metadata": { "name": name }, "spec": spec,
        }))?;
        buckets.create(&PostParams::default(), &stored).await?;
    }

    // Brings the definitions of this version.
    let scene = Scene::on(&own, "unreadable").await?;
    let both = format!(
        "--watch-namespaces={},{}",
        before.name(),
        scene.namespace.name()
    );
    let operator = scene.operator_with(&[&both])?;
    scene.provider("account").await?;
    scene.bucket("right", "account", json!({})).await?;
    scene.ready::<S3Bucket>("right").await?;

    let told = told(&buckets, "wrong", "kubectl explain s3buckets").await?;
    ensure!(
        told.data["status"]["observedGeneration"] == 1,
        "{:#}",
        told.data
    );
    assert_eq!(told.finalizers().len(), 0, "nothing else is done about it");

    let events: Api<Event> = before.api()?;
    let reported = || async {
        let events = events.list(&ListParams::default()).await;
        let events = events.map_err(|error| error.to_string())?;
        let found = |name: &str| {
            events.iter().any(|event| {
                event.reason.as_deref() == Some("Unreadable")
                    && event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(name)
            })
        };
        if found("wrong") && found("mute") {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    };
    wait::until("the events", PATIENCE, reported).await?;

    // It can be deleted, and mended by being replaced.
    buckets.delete("wrong", &DeleteParams::default()).await?;
    gone(&buckets, "wrong").await?;
    operator.stop().await?;
    own.stop().await;
    Ok(())
}

const FINALIZER: &str = "aws-infra-operator.runner.codes/s3bucket-finalizer";

#[tokio::test]
async fn what_is_to_go_and_cannot_be_read_stays_and_says_how_it_goes() -> Result<()> {
    let own = ControlPlane::start().await?;
    let scene = Scene::on(&own, "stuck").await?;
    let operator = scene.operator()?;
    scene.provider("account").await?;
    for name in ["mended", "let-go"] {
        scene.bucket(name, "account", json!({})).await?;
        scene.ready::<S3Bucket>(name).await?;
    }
    own.install_crds(crds().into_iter().map(looser)).await?;
    let resource = ApiResource::erase::<S3Bucket>(&());
    let buckets: Api<DynamicObject> =
        Api::namespaced_with(own.client()?, scene.namespace.name(), &resource);

    for name in ["mended", "let-go"] {
        let wrong = json!({ "spec": { "versioning": { "enabled": "yes" } } });
        let broken = || patch(&buckets, name, wrong.clone());
        wait::until("the looser definition to let it pass", PATIENCE, broken).await?;
        buckets.delete(name, &DeleteParams::default()).await?;
        let told = told(&buckets, name, FINALIZER).await?;
        assert_eq!(told.finalizers(), [FINALIZER]);
        let described = scene.kubectl(&["describe", "s3bucket", name]).await?;
        ensure!(described.contains(FINALIZER), "{described}");
        let bucket = scene.bucket_name(name);
        ensure!(scene.somebody.exists(&bucket).await?, "{name} is deleted");
    }

    let right = json!({ "spec": { "versioning": null } });
    patch(&buckets, "mended", right).await?;
    gone(&buckets, "mended").await?;
    let bucket = scene.bucket_name("mended");
    ensure!(!scene.somebody.exists(&bucket).await?, "it is left behind");

    let free = json!({ "metadata": { "finalizers": null } });
    patch(&buckets, "let-go", free).await?;
    gone(&buckets, "let-go").await?;
    let bucket = scene.bucket_name("let-go");
    ensure!(scene.somebody.exists(&bucket).await?, "it is deleted");
    operator.stop().await?;
    own.stop().await;
    Ok(())
}
