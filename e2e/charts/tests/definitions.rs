//! Definitions go forward with the charts, and not back: users' fields outlive a rollback.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use charts::{Helm, KUBERNETES, Links, Rendered, chart, copy, helms};
use harness::wait::{PATIENCE, until};
use harness::{Cluster, ControlPlane};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;

const GROUP: &str = "aws-infra-operator.runner.codes";
/// What says of a definition which version of the chart it is of.
const VERSION: &str = "operator-suite/version";
/// A version before all others.
const FIRST: &str = "0000.0000.0000";

#[test]
fn each_definition_says_its_version_and_is_held_by_policies() -> Result<()> {
    let [_, helm] = helms()?;
    for name in ["cloud-operator", "apigw-operator"] {
        let on = |kubernetes: &str, values: &Value| {
            helm.template_of(&chart(name), kubernetes, "here", values)
        };
        let rendered = on(KUBERNETES, &json!({}))?;
        let definition = rendered
            .kind("CustomResourceDefinition")
            .next()
            .context("a definition")?;
        let group = definition["spec"]["group"].as_str().context("a group")?;
        for definition in rendered.kind("CustomResourceDefinition") {
            assert_eq!(definition["spec"]["group"], group);
            assert_eq!(definition["metadata"]["annotations"][VERSION], padded());
        }
        for policy in policies(&rendered) {
            assert_eq!(policy["metadata"]["name"], format!("definitions.{group}"));
            let kept = &policy["metadata"]["annotations"]["helm.sh/resource-policy"];
            assert_eq!(kept, "keep", "as long as the definitions are");
            if let Some(conditions) = policy["spec"].get("matchConditions") {
                let about = format!("object.spec.group == \"{group}\"");
                assert_eq!(conditions[0]["expression"], about);
            } else {
                assert_eq!(policy["spec"]["policyName"], policy["metadata"]["name"]);
            }
        }
        assert_eq!(policies(&rendered).count(), 4);
        // Before that the API server knows no other policy.
        assert_eq!(policies(&on("1.35.9", &json!({}))?).count(), 2);
        let elsewhere = on(KUBERNETES, &json!({ "crds": { "install": false } }))?;
        assert_eq!(policies(&elsewhere).count(), 0);
    }
    Ok(())
}

/// Policies and their bindings.
fn policies(rendered: &Rendered) -> impl Iterator<Item = &Value> {
    rendered.all().filter(|object| {
        object["kind"]
            .as_str()
            .is_some_and(|kind| kind.contains("AdmissionPolicy"))
    })
}

/// The version of the charts as definitions say it.
fn padded() -> String {
    let parts = env!("CARGO_PKG_VERSION").split('.');
    let parts: Vec<_> = parts.map(|part| format!("{part:0>4}")).collect();
    parts.join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_by_helm_3_takes_no_fields_from_users() -> Result<()> {
    a_rollback_takes_no_fields_from_users(&helms()?[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_by_helm_4_takes_no_fields_from_users() -> Result<()> {
    a_rollback_takes_no_fields_from_users(&helms()?[1]).await
}

async fn a_rollback_takes_no_fields_from_users(helm: &Helm) -> Result<()> {
    let own = ControlPlane::start().await?;
    let later = later()?;
    let stage = Stage::new(&own)?;
    let install = |chart: &Path| helm.upgrade(own.kubeconfig(), chart, "here", &json!({}), &[]);
    let roll_back = || helm.on(own.kubeconfig(), "here", &["rollback", "installed", "1"]);
    let present = format!("cloud-operator-{}", env!("CARGO_PKG_VERSION"));

    install(&chart("cloud-operator"))?;
    stage.puts_back().await?;
    install(later.path())?;
    assert_eq!(stage.operator().await?, "cloud-operator-99.0.0");
    stage.has_field().await?;

    roll_back()?;
    assert_eq!(stage.operator().await?, present);
    ensure!(stage.knows_field().await?, "the later definition is gone");
    ensure!(stage.touched().await?, "the user's field is gone");
    // What goes forward is taken.
    install(later.path())?;
    assert_eq!(stage.operator().await?, "cloud-operator-99.0.0");

    // Where nothing is put back, what is earlier is refused, and told why.
    stage.remove("MutatingAdmissionPolicy").await?;
    stage.refuses("objects would lose the fields").await?;
    // And without that a rollback does take the field.
    stage.remove("ValidatingAdmissionPolicy").await?;
    stage.lets_pass().await?;
    roll_back()?;
    ensure!(
        !stage.knows_field().await?,
        "what else kept the definition?"
    );
    let lost = || async { stage.touched().await.is_ok_and(|has_it| !has_it) };
    until("the user's field to be lost", PATIENCE, lost).await?;

    // What holds definitions stays as long as they do.
    helm.on(own.kubeconfig(), "here", &["uninstall", "installed"])?;
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(own.client()?);
    policies.get(&format!("definitions.{GROUP}")).await?;
    ensure!(!stage.knows_field().await?, "the definition is there");
    own.stop().await;
    Ok(())
}

/// The chart as a later version might be: with a field more.
fn later() -> Result<TempDir> {
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
struct Stage {
    definitions: Api<CustomResourceDefinition>,
    deployments: Api<Deployment>,
    buckets: Api<DynamicObject>,
    cluster: Cluster,
}

impl Stage {
    fn new(cluster: &Cluster) -> Result<Self> {
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
    async fn operator(&self) -> Result<String> {
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
    async fn knows_field(&self) -> Result<bool> {
        let definition = self.definitions.get(&definition()).await?;
        Ok(json!(definition.spec).to_string().contains("laterField"))
    }

    /// Writes the later field once the API server serves it.
    async fn has_field(&self) -> Result<()> {
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
    async fn touched(&self) -> Result<bool> {
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
    async fn puts_back(&self) -> Result<()> {
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
    async fn refuses(&self, words: &str) -> Result<()> {
        let refused = || async {
            match self.offered().await {
                Err(error) if error.to_string().contains(words) => Ok(()),
                other => Err(format!("{:?}", other.map(|it| it.metadata.annotations))),
            }
        };
        until("what is earlier to be refused", PATIENCE, refused).await
    }

    /// Waits until an earlier definition would be stored.
    async fn lets_pass(&self) -> Result<()> {
        let passes = || async {
            let stored = self.offered().await?;
            let version = version(&stored).map(String::as_str);
            ensure!(version == Some(FIRST), "it is put back");
            anyhow::Ok(())
        };
        until("what is earlier to pass", PATIENCE, passes).await
    }

    /// Removes a policy.
    async fn remove(&self, kind: &str) -> Result<()> {
        let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let resource = ApiResource::from_gvk(&kind);
        let policies: Api<DynamicObject> = Api::all_with(self.cluster.client()?, &resource);
        let name = format!("definitions.{GROUP}");
        policies.delete(&name, &DeleteParams::default()).await?;
        Ok(())
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
