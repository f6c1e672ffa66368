//! Custom resource definitions.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};

use super::Cluster;
use crate::wait::{PATIENCE, until, wait_for};

impl Cluster {
    /// Applies definitions, and returns when objects of every served version can be listed. Many
    /// tests may ask for the same at once.
    ///
    /// # Errors
    /// When the API server refuses a definition, or does not serve it within a minute; the message
    /// then shows its conditions.
    pub async fn install_crds(
        &self,
        definitions: impl IntoIterator<Item = CustomResourceDefinition>,
    ) -> Result<()> {
        let client = self.client()?;
        let install = |definition| install(client.clone(), definition);
        try_join_all(definitions.into_iter().map(install)).await?;
        Ok(())
    }
}

async fn install(client: Client, definition: CustomResourceDefinition) -> Result<()> {
    let name = definition.name_any();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply("harness").force();
    let patch = Patch::Apply(&definition);
    // Two that make the same object at once: one of them is told that it exists.
    while let Err(e) = definitions.patch(&name, &apply, &patch).await {
        match &e {
            kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => {}
            _ => return Err(e).with_context(|| format!("cannot apply the definition {name}")),
        }
    }
    wait_for(
        &definitions,
        &name,
        "to be established",
        PATIENCE,
        established,
    )
    .await?;

    let spec = &definition.spec;
    for version in spec.versions.iter().filter(|version| version.served) {
        let resource = ApiResource {
            group: spec.group.clone(),
            version: version.name.clone(),
            api_version: format!("{}/{}", spec.group, version.name),
            kind: spec.names.kind.clone(),
            plural: spec.names.plural.clone(),
        };
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let one = ListParams::default().limit(1);
        let listed = || async { objects.list(&one).await.map(drop) };
        let what = format!("{} to be served", resource.api_version);
        until(&what, PATIENCE, listed).await?;
    }
    Ok(())
}

fn established(definition: &CustomResourceDefinition) -> bool {
    let status = definition.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}
