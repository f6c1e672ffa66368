//! Charts installed by Helm: who owns what, what an upgrade touches, and what stays.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use charts::{Helm, chart, helms, root};
use harness::wait::{PATIENCE, until, wait_for};
use harness::{Cluster, ControlPlane};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{
    ApiResource, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};

/// Whether an operator's account may do that.
fn may(cluster: &Cluster, account: &str, namespace: &str, arguments: [&str; 2]) -> Result<bool> {
    let mut kubectl = cluster.kubectl();
    kubectl
        .args(["auth", "can-i"])
        .args(arguments)
        .args(["--namespace", namespace]);
    kubectl.arg(format!("--as=system:serviceaccount:{account}"));
    Ok(kubectl
        .output()
        .context("cannot run kubectl")?
        .status
        .success())
}

async fn namespace(cluster: &Cluster, name: &str) -> Result<()> {
    let enforce = (
        "pod-security.kubernetes.io/enforce".to_owned(),
        "restricted".to_owned(),
    );
    let wanted = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([enforce].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let namespaces: Api<Namespace> = Api::all(cluster.client()?);
    namespaces.create(&PostParams::default(), &wanted).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_live_side_by_side_and_what_users_have_stays() -> Result<()> {
    let own = ControlPlane::start().await?;
    for name in ["first", "second", "team-a", "team-b"] {
        namespace(&own, name).await?;
    }
    // What one Helm leaves behind the other one finds.
    for helm in helms()? {
        life(&own, helm).await.context(helm.name)?;
    }
    own.stop().await;
    Ok(())
}

async fn life(cluster: &Cluster, helm: &Helm) -> Result<()> {
    let file = cluster.kubeconfig();
    let install = |namespace, values: Value| {
        helm.upgrade(file, &chart("cloud-operator"), namespace, &values, &[])
    };
    install("first", json!({ "watchNamespaces": ["team-a"] }))?;
    install(
        "second",
        json!({ "watchNamespaces": ["team-b"], "crds": { "install": false } }),
    )?;
    // Accepted under the restricted profile, which is enforced on Pods alone.
    let pods: Api<Pod> = Api::namespaced(cluster.client()?, "first");
    let made = || async {
        let pods = pods
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?;
        (!pods.items.is_empty())
            .then_some(())
            .ok_or("none yet".to_owned())
    };
    until("a Pod of the Deployment", PATIENCE, made).await?;
    let account = "first:cloud-operator";
    // The API server's authorizer learns of new roles a moment later.
    let looks_after = || async {
        match may(cluster, account, "team-a", ["list", "s3buckets"]) {
            Ok(true) => Ok(()),
            Ok(false) => Err("its account may not".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        }
    };
    until("it to look after team-a", PATIENCE, looks_after).await?;
    ensure!(
        !may(cluster, account, "team-b", ["list", "s3buckets"])?,
        "and not after team-b"
    );
    ensure!(
        !may(cluster, account, "team-b", ["get", "secrets"])?,
        "whose Secrets it cannot read"
    );

    let buckets = buckets(cluster, "team-a")?;
    buckets
        .patch(
            "kept",
            &PatchParams::apply("user"),
            &Patch::Apply(&bucket()),
        )
        .await?;
    let authorities = rcgen::generate_simple_self_signed(vec!["authority".to_owned()])?
        .cert
        .pem();
    believed(cluster, &authorities).await?;

    // What takes effect at once starts no Pod anew; everything else does.
    let deployments: Api<Deployment> = Api::namespaced(cluster.client()?, "first");
    let generation = || async {
        let found = deployments.get("cloud-operator").await?;
        found.metadata.generation.context("a generation")
    };
    let before = generation().await?;
    install(
        "first",
        json!({ "watchNamespaces": ["team-a"], "log": { "level": "debug" } }),
    )?;
    let settings: Api<ConfigMap> = Api::namespaced(cluster.client()?, "first");
    let level = || async {
        let data = settings
            .get("cloud-operator")
            .await?
            .data
            .unwrap_or_default();
        data.get("LOG_LEVEL").cloned().context("a level")
    };
    assert_eq!(level().await?, "debug");
    assert_eq!(generation().await?, before);
    install(
        "first",
        json!({ "watchNamespaces": ["team-a"], "log": { "format": "json" } }),
    )?;
    assert_eq!(generation().await?, before + 1);
    helm.on(file, "first", &["rollback", "installed", "2"])?;
    assert_eq!(level().await?, "debug");
    assert_eq!(generation().await?, before + 2);
    still_believed(cluster, &authorities).await?;

    for namespace in ["second", "first"] {
        helm.on(file, namespace, &["uninstall", "installed"])?;
    }
    ensure!(
        deployments.get_opt("cloud-operator").await?.is_none(),
        "the operator is gone"
    );
    buckets
        .get("kept")
        .await
        .context("and what users have is not")?;
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client()?);
    let definition = definitions
        .get("s3buckets.aws-infra-operator.runner.codes")
        .await?;
    ensure!(
        definition.metadata.deletion_timestamp.is_none(),
        "the definition goes"
    );
    Ok(())
}

fn buckets(cluster: &Cluster, namespace: &str) -> Result<Api<DynamicObject>> {
    let resource = ApiResource {
        group: "aws-infra-operator.runner.codes".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "aws-infra-operator.runner.codes/v1alpha1".to_owned(),
        kind: "S3Bucket".to_owned(),
        plural: "s3buckets".to_owned(),
    };
    Ok(Api::namespaced_with(
        cluster.client()?,
        namespace,
        &resource,
    ))
}

fn bucket() -> Value {
    json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket", "metadata": { "name": "kept" },
        "spec": { "providerRef": { "name": "account" }, "bucketName": "kept-by-all-means" },
    })
}

/// The webhooks' configuration of the first installation.
const HOOKS: &str = "cloud-operator.first";

/// Writes the authorities as the operator that leads does.
async fn believed(cluster: &Cluster, authorities: &str) -> Result<()> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client()?);
    let found = wait_for(&api, HOOKS, "to be there", PATIENCE, |_| true).await?;
    let count = found.webhooks.unwrap_or_default().len();
    ensure!(count == 2, "{count} webhooks");
    let authorities = ByteString(authorities.into());
    let puts: Vec<_> = (0..count)
        .map(|at| json!({ "op": "add", "path": format!("/webhooks/{at}/clientConfig/caBundle"), "value": authorities }))
        .collect();
    let params = PatchParams {
        field_manager: Some("cloud-operator".to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::<()>::Json(serde_json::from_value(json!(puts))?);
    api.patch(HOOKS, &params, &patch).await?;
    Ok(())
}

async fn still_believed(cluster: &Cluster, authorities: &str) -> Result<()> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client()?);
    for webhook in api.get(HOOKS).await?.webhooks.unwrap_or_default() {
        let bundle = webhook
            .client_config
            .ca_bundle
            .context("an upgrade takes the caBundle away")?;
        ensure!(bundle.0 == authorities.as_bytes(), "another caBundle");
        let selector = webhook
            .namespace_selector
            .context("asked about the watched namespaces alone")?;
        let values = &selector.match_expressions.context("expressions")?[0].values;
        assert_eq!(values.as_deref(), Some(&["team-a".to_owned()][..]));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_can_be_applied_without_helm() -> Result<()> {
    let own = ControlPlane::start().await?;
    for chart in charts::matrix::OPERATORS {
        let operator = chart.strip_suffix("-operator").context("a name")?;
        let namespace = format!("{operator}-system");
        let mut xtask = Command::new(env!("CARGO"));
        xtask
            .args([
                "run",
                "--quiet",
                "--package",
                "xtask",
                "--",
                "manifests",
                operator,
            ])
            .args([
                "--namespace",
                &namespace,
                "--set",
                "image.registry=registry.example",
            ])
            .current_dir(root());
        let made = xtask.output()?;
        ensure!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), &made.stdout)?;
        let mut kubectl = own.kubectl();
        kubectl
            .args(["apply", "--server-side", "-f"])
            .arg(file.path());
        let applied = kubectl.output()?;
        ensure!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );
        let deployments: Api<Deployment> = Api::namespaced(own.client()?, &namespace);
        let found = deployments.list(&ListParams::default()).await?;
        assert_eq!(found.items.len(), 1);
    }
    own.stop().await;
    Ok(())
}
