//! What releases leave in a cluster: the definitions of their kinds, and what holds earlier ones off.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use harness::Namespace;
use harness::wait::{PATIENCE, wait_gone};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use serde_json::json;

/// What holds earlier definitions off, in the order in which it can go. Before Kubernetes 1.36 there are the last two.
const POLICIES: [&str; 4] = [
    "MutatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
];

/// What there is of all this, each by its kind and name.
///
/// # Errors
/// When the API server does not tell.
pub async fn found(client: &Client) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crd_types::crds() {
        let name = definition.name_any();
        if definitions.get_opt(&name).await?.is_some() {
            found.push(format!("CustomResourceDefinition {name}"));
        }
    }
    for (kind, name, policies) in policies(client) {
        if policies.get_opt(&name).await?.is_some() {
            found.push(format!("{kind} {name}"));
        }
    }
    Ok(found)
}

/// Takes all of it away, with the objects that these namespaces have, whose operators are gone.
///
/// # Errors
/// When the API server refuses, or another namespace has such an object; then its definition stays.
pub async fn forget(client: &Client, namespaces: &[Namespace]) -> Result<()> {
    for definition in crd_types::crds() {
        forget_kind(client, &definition, namespaces)
            .await
            .with_context(|| format!("the definition {}", definition.name_any()))?;
    }
    for (_, name, policies) in policies(client) {
        match policies.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            done => drop(done?),
        }
    }
    Ok(())
}

async fn forget_kind(
    client: &Client,
    definition: &CustomResourceDefinition,
    namespaces: &[Namespace],
) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.name_any();
    if definitions.get_opt(&name).await?.is_none() {
        return Ok(());
    }
    let resource = resource(definition);
    let everywhere: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let objects = everywhere.list(&ListParams::default()).await?.items;
    let names: Vec<&str> = namespaces.iter().map(Namespace::name).collect();
    if let Some(stranger) = stranger(&objects, &names) {
        bail!("{stranger} is of no scenario, and stays");
    }
    for object in objects {
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

/// An object outside of these namespaces.
fn stranger(objects: &[DynamicObject], namespaces: &[&str]) -> Option<String> {
    objects.iter().find_map(|object| {
        let namespace = object.namespace().unwrap_or_default();
        let made = namespaces.contains(&namespace.as_str());
        (!made).then(|| format!("{namespace}/{}", object.name_any()))
    })
}

fn policies(client: &Client) -> Vec<(&'static str, String, Api<DynamicObject>)> {
    let groups = crd_types::crds().into_iter().map(|it| it.spec.group);
    let groups: BTreeSet<String> = groups.collect();
    let mut all = Vec::new();
    for kind in POLICIES {
        let of = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let resource = ApiResource::from_gvk(&of);
        for group in &groups {
            let policies: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            all.push((kind, format!("definitions.{group}"), policies));
        }
    }
    all
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_another_namespace_is_found() {
        let kind = resource(&crd_types::crds()[0]);
        let object = |namespace| DynamicObject::new("data", &kind).within(namespace);
        let objects = [object("media-1"), object("theirs"), object("life-1")];
        let all = ["life-1", "media-1", "theirs"];
        assert_eq!(stranger(&objects, &all), None);
        let found = stranger(&objects, &all[..2]);
        assert_eq!(found.as_deref(), Some("theirs/data"));
    }
}
