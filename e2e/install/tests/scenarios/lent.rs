//! A cluster of ours that is lent to these scenarios as somebody's.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, ensure};
use charts::helms;
use crd_types::aws::v1alpha1::S3Bucket;
use harness::process;
use harness::scratch::Scratch;
use harness::{Cluster, Namespace};
use install::{programs, theirs};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use libtest_mimic::Failed;
use node::{Bench, sandbox};
use serde_json::json;
use tokio::runtime::Runtime;

/// Says to the process that it is to lend a cluster.
const LENDER: &str = "E2E_INSTALL_TEST_LENDER";

/// Kinds of which scenarios and releases make objects that are of no namespace.
const KINDS: [(&str, &str); 9] = [
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
    ),
];

pub fn is_lender() -> bool {
    env::var_os(LENDER).is_some()
}

/// The test: another process lends one.
pub fn test() -> Result<(), Failed> {
    let lent = async {
        let mut lender = Command::new(env::current_exe()?);
        // It leaves this bench's namespaces for its own.
        lender.env(LENDER, "1").env_remove(sandbox::LEFT);
        let (status, said) = run(lender).await?;
        ensure!(status.success(), "the lender: {status}\n{said}");
        anyhow::Ok(())
    };
    let ended = Runtime::new()?.block_on(lent);
    ended.map_err(|e| format!("{e:?}").into())
}

/// What the lender does.
pub fn lend() -> ExitCode {
    let lent = async {
        let bench = Bench::start(programs::images()?).await?;
        let lent = comes_back(bench.cluster()).await;
        bench.stop().await;
        lent
    };
    let runtime = Runtime::new().expect("threads can be started");
    match runtime.block_on(lent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn comes_back(cluster: &Cluster) -> Result<()> {
    let owner = cluster.restricted_namespace("owner").await?;
    install_another(&owner)?;
    let before = objects(cluster).await?;

    // One of those that have the cluster for themselves, and one of the others.
    let (status, said) = borrow(cluster, &["bucket", "--skip=helm_3"]).await?;
    ensure!(status.success(), "{said}");
    let passed = said.matches("test result: ok. 1 passed; 0 failed; 0 ignored;");
    ensure!(passed.count() == 2, "{said}");
    let after = objects(cluster).await?;
    ensure!(
        after == before,
        "left: {:?}; gone: {:?}",
        after.difference(&before),
        before.difference(&after)
    );
    let kept = releases(&owner)?;
    ensure!(kept.contains("another-0.1.0"), "{kept}");

    let (status, said) = borrow(cluster, &["all_that_a_chart_can_make"]).await?;
    ensure!(
        status.success() && said.contains("ignored (it defines ServiceMonitor"),
        "{said}"
    );
    is_refused_with_buckets(cluster, &owner).await
}

/// Where there are buckets of the owner's, nothing is done at all.
async fn is_refused_with_buckets(cluster: &Cluster, owner: &Namespace) -> Result<()> {
    cluster.install_crds(crd_types::crds()).await?;
    let bucket = json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
        "metadata": { "name": "data", "namespace": owner.name(), "finalizers": ["example.org/kept"] },
        "spec": { "providerRef": { "name": "account" }, "bucketName": "data-of-the-owner" },
    });
    cluster.apply(bucket).await?;
    let buckets: Api<S3Bucket> = owner.api()?;
    let before = (objects(cluster).await?, buckets.get("data").await?.metadata);
    let (status, said) = borrow(cluster, &["by_helm_4"]).await?;
    ensure!(!status.success(), "it is not refused: {said}");
    let definition = "it has CustomResourceDefinition ";
    ensure!(
        said.contains(definition) && said.contains("they have changed nothing"),
        "{said}"
    );
    let after = (objects(cluster).await?, buckets.get("data").await?.metadata);
    ensure!(after == before, "{after:?}");
    Ok(())
}

/// Runs scenarios on somebody's cluster.
async fn borrow(cluster: &Cluster, which: &[&str]) -> Result<(ExitStatus, String)> {
    let mut scenarios = Command::new(env::current_exe()?);
    scenarios
        .args(which)
        .env(theirs::CLUSTER, cluster.kubeconfig())
        .env_remove(LENDER);
    run(scenarios).await
}

async fn run(program: Command) -> Result<(ExitStatus, String)> {
    let folder = Scratch::new("lent")?;
    let child = process::spawn(program, &folder.path().join("log"))?;
    let status = child.wait().await;
    Ok((status, fs::read_to_string(child.log())?))
}

/// A release of the owner's.
fn install_another(owner: &Namespace) -> Result<()> {
    let chart = tempfile::tempdir()?;
    let about = "apiVersion: v2\nname: another\nversion: 0.1.0\n";
    fs::write(chart.path().join("Chart.yaml"), about)?;
    let templates = chart.path().join("templates");
    fs::create_dir(&templates)?;
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: kept }\n";
    fs::write(templates.join("kept.yaml"), kept)?;
    let cluster = owner.cluster().kubeconfig();
    let [_, helm] = helms()?;
    helm.upgrade(cluster, chart.path(), owner.name(), &json!({}), &[])
}

fn releases(owner: &Namespace) -> Result<String> {
    let [_, helm] = helms()?;
    let cluster = owner.cluster().kubeconfig();
    helm.on(cluster, owner.name(), &["list"])
}

/// What the cluster has beside what it makes for itself.
async fn objects(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for (group, kind) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::all_with(cluster.client()?, &resource);
        let found = api.list(&ListParams::default()).await;
        let found = found.with_context(|| kind.to_owned())?.items;
        let names = found.iter().map(ResourceExt::name_any);
        let names = names.filter(|name| !name.starts_with("kube-") && !name.starts_with("system:"));
        all.extend(names.map(|name| format!("{kind} {name}")));
    }
    Ok(all)
}
