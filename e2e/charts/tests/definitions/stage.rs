//! A cluster with an installed chart, and that chart as a later version might be.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::{Links, chart, copy};
use harness::Cluster;
use harness::wait::{PATIENCE, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;
use tempfile::TempDir;

pub const GROUP: &str = "aws-infra-operator.runner.codes";
/// What says of a definition which version of the chart it is of.
pub const VERSION: &str = "operator-suite/version";
/// A version before all others.
const FIRST: &str = "0000.0000.0000";

/// The version of the charts as definitions say it.
pub fn padded() -> String {
    let parts = env!("CARGO_PKG_VERSION").split('.');
    let parts: Vec<_> = parts.map(|part| format!("{part:0>4}")).collect();
    parts.join(".")
}

/// The chart as a later version might be: with a field more.
pub fn later() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    copy(&chart("cloud-operator"), folder.path(), Links::Followed)?;
    let version = |version: &str| format!("\nversion: {version}\nappVersion: {version}\n");
    let about = folder.path().join("Chart.yaml");
    edit(
        &about,
        &version(env!("CARGO_PKG_VERSION")),
        &version("99.0.0"),
    )?;
    let definition = format!("templates/crds/{GROUP}_s3buckets.yaml");
    let field = |name: &str| format!("\n              {name}:\n");
    let with_more = format!(
        "{}                type: string{}",
        field("laterField"),
        field("bucketName")
    );
    edit(
        &folder.path().join(definition),
        &field("bucketName"),
        &with_more,
    )?;
    Ok(folder)
}

fn edit(file: &Path, old: &str, new: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let count = text.matches(old).count();
    ensure!(
        count == 1,
        "{}: {old:?} stands there {count} times",
        file.display()
    );
    Ok(fs::write(file, text.replace(old, new))?)
}

/// What happens on the cluster.
pub struct Stage {
    definitions: Api<CustomResourceDefinition>,
    deployments: Api<Deployment>,
    buckets: Api<DynamicObject>,
    cluster: Cluster,
}

impl Stage {
    pub fn new(cluster: &Cluster) -> Result<Self> {
        let kind = GroupVersionKind::gvk(GROUP, "v1alpha1", "S3Bucket");
        let resource = ApiResource::from_gvk_with_plural(&kind, "s3buckets");
        Ok(Self {
            definitions: Api::all(cluster.client()?),
            deployments: Api::namespaced(cluster.client()?, "here"),
            buckets: Api::namespaced_with(cluster.client()?, "here", &resource),
            cluster: cluster.clone(),
        })
    }

    /// The chart and the version that the operator is of.
    pub async fn operator(&self) -> Result<String> {
        let labels = self
            .deployments
            .get("cloud-operator")
            .await?
            .metadata
            .labels;
        let chart = labels.and_then(|labels| labels.get("helm.sh/chart").cloned());
        chart.context("it says its chart")
    }

    /// Whether the definition knows the later field.
    pub async fn knows_field(&self) -> Result<bool> {
        let definition = self.definitions.get(&definition()).await?;
        Ok(json!(definition.spec).to_string().contains("laterField"))
    }

    /// Writes the later field once the API server serves it.
    pub async fn has_field(&self) -> Result<()> {
        let bucket = json!({
            "apiVersion": format!("{GROUP}/v1alpha1"), "kind": "S3Bucket", "metadata": { "name": "data" },
            "spec": { "providerRef": { "name": "account" }, "bucketName": "users-data", "laterField": "kept" },
        });
        let written = || async {
            let (params, patch) = (PatchParams::apply("user"), Patch::Apply(&bucket));
            let stored = self.buckets.patch("data", &params, &patch).await?;
            ensure!(has_field(&stored), "it is pruned");
            anyhow::Ok(())
        };
        until("the later field to be served", PATIENCE, written).await
    }

    /// Writes something else, and tells whether the later field is still there.
    pub async fn touched(&self) -> Result<bool> {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "touched": "yes" } } }));
        let params = PatchParams::default();
        Ok(has_field(
            &self.buckets.patch("data", &params, &patch).await?,
        ))
    }

    /// Offers an earlier definition, and gives what would be stored.
    async fn offered(&self) -> kube::Result<CustomResourceDefinition> {
        let earlier = json!({
            "metadata": { "annotations": { VERSION: FIRST } }, "spec": { "names": { "shortNames": ["first"] } },
        });
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        self.definitions
            .patch(&definition(), &params, &Patch::Merge(earlier))
            .await
    }

    /// Waits until an earlier definition changes nothing.
    pub async fn puts_back(&self) -> Result<()> {
        let put_back = || async {
            let stored = self.offered().await?;
            ensure!(
                version(&stored) == Some(&padded()),
                "{:?}",
                version(&stored)
            );
            let names = stored.spec.names.short_names.unwrap_or_default();
            ensure!(names == ["s3"], "{names:?}");
            anyhow::Ok(())
        };
        until("what is earlier to be put back", PATIENCE, put_back).await
    }

    /// Waits until an earlier definition is refused in these words.
    pub async fn refuses(&self, words: &str) -> Result<()> {
        let refused = || async {
            match self.offered().await {
                Err(error) if error.to_string().contains(words) => Ok(()),
                other => Err(format!("{:?}", other.map(|it| it.metadata.annotations))),
            }
        };
        until("what is earlier to be refused", PATIENCE, refused).await
    }

    /// Waits until an earlier definition would be stored.
    pub async fn lets_pass(&self) -> Result<()> {
        let passes = || async {
            let stored = self.offered().await?;
            let version = version(&stored).map(String::as_str);
            ensure!(version == Some(FIRST), "it is put back");
            anyhow::Ok(())
        };
        until("what is earlier to pass", PATIENCE, passes).await
    }

    /// Removes a policy, where there is one of this kind.
    pub async fn remove(&self, kind: &str) -> Result<()> {
        let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let resource = ApiResource::from_gvk(&kind);
        let policies: Api<DynamicObject> = Api::all_with(self.cluster.client()?, &resource);
        let name = format!("definitions.{GROUP}");
        match policies.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(error)) if error.is_not_found() => Ok(()),
            removed => Ok(removed.map(drop)?),
        }
    }
}

fn definition() -> String {
    format!("s3buckets.{GROUP}")
}

fn version(definition: &CustomResourceDefinition) -> Option<&String> {
    definition.metadata.annotations.as_ref()?.get(VERSION)
}

fn has_field(bucket: &DynamicObject) -> bool {
    bucket.data["spec"]["laterField"] == "kept"
}
