//! An operator's webhooks, which the API server reaches by a Service.

use anyhow::Result;
use cloud_operator::{NAME, admission, rbac};
use crd_types::aws::v1alpha1::S3Bucket;
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::admissionregistration::v1::{ServiceReference, WebhookClientConfig};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use node::Bench;
use serde_json::json;

use super::deployment::Wish;
use super::installed::Installed;
use crate::stage::{apply, merge};

pub async fn are_reached_by_their_service(bench: &Bench) -> Result<()> {
    let installed = Installed::prepared(bench).await?;
    let name = installed.name().to_owned();
    let reached = |path: &str| WebhookClientConfig {
        service: Some(ServiceReference {
            name: NAME.to_owned(),
            namespace: name.clone(),
            path: Some(path.to_owned()),
            port: Some(443),
        }),
        ..WebhookClientConfig::default()
    };
    let mut configuration = admission::configuration(&name, reached);
    let here = [("kubernetes.io/metadata.name".to_owned(), name.clone())];
    for webhook in configuration.webhooks.iter_mut().flatten() {
        webhook.namespace_selector = Some(LabelSelector {
            match_labels: Some(here.clone().into()),
            ..LabelSelector::default()
        });
    }
    let mut object = json!(configuration);
    merge(
        &mut object,
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration" }),
    );
    apply(bench, object).await?;
    installed.grant(rbac::election(), rbac::watched()).await?;
    let wish = Wish::of(1)
        .with("--webhook-bind-address=:9443")
        .with(format!("--webhook-configuration={name}"));
    installed.deploy(&wish).await?;
    installed.available().await?;

    let group = "aws-infra-operator.runner.codes/v1alpha1";
    let metadata = |object: &str| json!({ "name": object, "namespace": name });
    let provider = json!({
        "apiVersion": group, "kind": "AWSProvider", "metadata": metadata("account"),
        "spec": { "region": "eu-central-1" },
    });
    apply(bench, provider).await?;
    let bucket = |object: &str| {
        json!({
            "apiVersion": group, "kind": "S3Bucket", "metadata": metadata(object),
            "spec": { "bucketName": format!("{name}-data"), "providerRef": { "name": "account" } },
        })
    };
    apply(bench, bucket("data")).await?;
    let buckets: Api<S3Bucket> = installed.namespace.api()?;
    let second: S3Bucket = serde_json::from_value(bucket("second"))?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let first = format!("S3Bucket {name}/data");
    let refused = || async {
        match buckets.create(&dry, &second).await {
            Err(kube::Error::Api(status)) if status.message.contains(&first) => Ok(()),
            other => Err(format!("{:?}", other.map(|it| it.name_any()))),
        }
    };
    // The authority is written by whoever leads, and the API server hears of it.
    until(
        "a second object for one bucket to be refused",
        2 * PATIENCE,
        refused,
    )
    .await
}
