//! Objects that were stored under an earlier, looser schema, and that this version cannot read.

mod scene;

use anyhow::{Context, Result, ensure};
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
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
    core::ApiResource,
};
use scene::{PATIENCE, Scene};
use serde_json::json;

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

#[tokio::test]
async fn what_cannot_be_read_is_told_on_itself_and_the_others_go_on() -> Result<()> {
    let own = ControlPlane::start().await?;
    own.install_crds(crds().into_iter().map(looser)).await?;
    let before = own.namespace("loose").await?;
    let resource = ApiResource::erase::<S3Bucket>(&());
    let dynamic = |namespace: &str| -> Result<Api<DynamicObject>> {
        Ok(Api::namespaced_with(own.client()?, namespace, &resource))
    };
    let wrong: DynamicObject = serde_json::from_value(json!({
        "apiVersion": resource.api_version, "kind": "S3Bucket",
        "metadata": { "name": "wrong" },
        "spec": { "providerRef": "account", "bucketName": 7 },
    }))?;
    let buckets = dynamic(before.name())?;
    buckets.create(&PostParams::default(), &wrong).await?;

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

    let told = || async {
        let object = buckets
            .get("wrong")
            .await
            .map_err(|error| error.to_string())?;
        unready_reason(&object)
            .map(drop)
            .ok_or(format!("{:#}", object.data))
    };
    wait::until("it to be told", PATIENCE, told).await?;
    let told = buckets.get("wrong").await?;
    let (reason, message) = unready_reason(&told).context("told")?;
    assert_eq!(reason, "Unreadable");
    ensure!(message.contains("kubectl explain s3buckets"), "{message}");
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
        let found = events.iter().any(|event| {
            event.reason.as_deref() == Some("Unreadable")
                && event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some("wrong")
        });
        found.then_some(()).ok_or("not there".to_owned())
    };
    wait::until("the event", PATIENCE, reported).await?;

    // It can be deleted, and mended by being replaced.
    buckets.delete("wrong", &DeleteParams::default()).await?;
    wait::until("it to be gone", PATIENCE, || async {
        matches!(buckets.get_opt("wrong").await, Ok(None))
    })
    .await?;
    operator.stop().await?;
    own.stop().await;
    Ok(())
}
