//! All operators in one chart, of which one is turned on.

use anyhow::{Result, ensure};
use charts::{Helm, helms};
use install::{Ground, Release, Tenant, values};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::json;

pub async fn by_helm_3(ground: &Ground) -> Result<()> {
    one_operator(ground, &helms()?[0]).await
}

pub async fn by_helm_4(ground: &Ground) -> Result<()> {
    one_operator(ground, &helms()?[1]).await
}

async fn one_operator(ground: &Ground, helm: &'static Helm) -> Result<()> {
    let release = Release::new(ground, helm, "suite").await?;
    let cloud = values::with(values::cloud(ground), json!({ "enabled": true }));
    let suite = json!({ "cloud-operator": cloud });
    release.roll_out("operator-suite", suite).await?;

    let found = release.deployments().await?;
    ensure!(found == ["cloud-operator"], "Deployments: {found:?}");
    let services: Api<Service> = release.namespace().api()?;
    let services = services.list(&ListParams::default()).await?.items;
    let services: Vec<String> = services.iter().map(ResourceExt::name_any).collect();
    ensure!(services == ["cloud-operator"], "Services: {services:?}");
    let definitions: Api<CustomResourceDefinition> = Api::all(ground.cluster().client()?);
    let definitions = definitions.list(&ListParams::default()).await?.items;
    let of_gateways = definitions
        .iter()
        .filter(|it| it.spec.group == "avapigw.io");
    ensure!(of_gateways.count() == 0, "definitions of who is turned off");

    let tenant = Tenant::new(ground, "media").await?;
    tenant.account_by_secret().await?;
    tenant.has_bucket("uploads").await.map(drop)
}
