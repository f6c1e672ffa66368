//! What all scenarios stand on.

use anyhow::{Context, Result};
use charts::helms;
use harness::wait::{PATIENCE, until, wait_gone};
use harness::{Cluster, Family, Moto, binaries::Binaries};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use node::{Bench, sandbox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tools::{CERT_MANAGER, HELM_3, HELM_4, PROMETHEUS_OPERATOR};

use crate::{Aws, programs};

/// A cluster whose Pods run, and an AWS that they reach.
#[derive(Debug)]
pub struct Ground {
    // First: Pods end before what they work on.
    bench: Bench,
    aws: Aws,
}

impl Ground {
    /// Enters namespaces of its own, as [`sandbox::enter`], with all at hand that scenarios need there.
    ///
    /// # Errors
    /// When something cannot be had, or namespaces cannot be made.
    pub fn enter() -> Result<()> {
        if !sandbox::is_inside()? {
            Runtime::new()?.block_on(Self::prepare())?;
        }
        sandbox::enter()
    }

    /// Has everything built and fetched: in namespaces of its own a process reaches no registry.
    async fn prepare() -> Result<()> {
        Binaries::find().await?;
        Moto::prepare().await?;
        HELM_3.program()?;
        HELM_4.program()?;
        PROMETHEUS_OPERATOR.folder()?;
        CERT_MANAGER.folder()?;
        Ok(())
    }

    /// Starts all of it with addresses of this family, in namespaces that this process has entered.
    ///
    /// # Errors
    /// When a part of it does not start.
    pub async fn start(family: Family) -> Result<Self> {
        let bench = Bench::start_on(family, programs::images()?).await?;
        let aws = Aws::start(bench.address()).await?;
        Ok(Self { bench, aws })
    }

    /// Ends all of it.
    pub async fn stop(self) {
        self.bench.stop().await;
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        self.bench.cluster()
    }

    /// The cluster with its node.
    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// AWS.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Returns when no Pod is left in a namespace.
    ///
    /// # Errors
    /// When some still are after two minutes.
    pub async fn no_pods(&self, namespace: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.cluster().client()?, namespace);
        let none = || async {
            let left = pods.list(&ListParams::default()).await;
            let left = left.map_err(|e| e.to_string())?.items;
            let names: Vec<String> = left.iter().map(ResourceExt::name_any).collect();
            match names.is_empty() {
                true => Ok(()),
                false => Err(names.join(", ")),
            }
        };
        until(
            &format!("the end of all Pods of {namespace}"),
            2 * PATIENCE,
            none,
        )
        .await
    }

    /// Uninstalls every release, and takes away the operators' definitions with all objects of theirs: so a scenario
    /// that had the cluster for itself leaves it to the next one.
    ///
    /// # Errors
    /// When Helm or the API server refuses.
    pub async fn clear(&self) -> Result<()> {
        self.uninstall_all().await?;
        let client = self.cluster().client()?;
        for definition in crd_types::crds() {
            forget(client.clone(), &definition)
                .await
                .with_context(|| format!("the definition {}", definition.name_any()))?;
        }
        forget_policies(client).await
    }

    async fn uninstall_all(&self) -> Result<()> {
        let [_, helm] = helms()?;
        let on = |namespace: &str, arguments: &[&str]| {
            helm.on(self.cluster().kubeconfig(), namespace, arguments)
        };
        let listed = on("default", &["list", "--all-namespaces", "--output=json"])?;
        let releases: Vec<Value> = serde_json::from_str(&listed)?;
        for release in releases {
            let text = |field: &str| release[field].as_str().context("a release without a name");
            let (namespace, name) = (text("namespace")?, text("name")?);
            on(namespace, &["uninstall", name])?;
            self.no_pods(namespace).await?;
        }
        Ok(())
    }
}

/// Takes away what holds earlier definitions off, which stays as long as they do: it is the release's that has gone.
async fn forget_policies(client: Client) -> Result<()> {
    for kind in [
        "MutatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
    ] {
        let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let policies: Api<DynamicObject> =
            Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
        for policy in policies.list(&ListParams::default()).await?.items {
            let name = policy.name_any();
            if name.starts_with("definitions.") {
                policies.delete(&name, &DeleteParams::default()).await?;
            }
        }
    }
    Ok(())
}

/// Takes away a definition and its objects, whose operator is gone.
async fn forget(client: Client, definition: &CustomResourceDefinition) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.name_any();
    if definitions.get_opt(&name).await?.is_none() {
        return Ok(());
    }
    let resource = resource(definition);
    let everywhere: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    for object in everywhere.list(&ListParams::default()).await?.items {
        let namespace = object.namespace().unwrap_or_default();
        let objects: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &namespace, &resource);
        let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        objects
            .patch(&object.name_any(), &PatchParams::default(), &free)
            .await?;
    }
    definitions.delete(&name, &DeleteParams::default()).await?;
    wait_gone(&definitions, &name, PATIENCE).await
}

fn resource(definition: &CustomResourceDefinition) -> ApiResource {
    let (spec, version) = (&definition.spec, &definition.spec.versions[0].name);
    ApiResource {
        group: spec.group.clone(),
        version: version.clone(),
        api_version: format!("{}/{version}", spec.group),
        kind: spec.names.kind.clone(),
        plural: spec.names.plural.clone(),
    }
}
