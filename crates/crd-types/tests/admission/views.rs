//! What `kubectl` shows, and what a watch can select by.

use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend},
    aws::v1alpha1::{ProviderRef, S3Bucket},
    lifecycle::Managed,
};
use harness::ControlPlane;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::server::Server;

fn bucket(name: &str, namespace: &str, provider: &str) -> S3Bucket {
    S3Bucket::builder(name, namespace)
        .provider_ref(ProviderRef::named(provider.parse().unwrap()))
        .bucket_name(name.parse().unwrap())
        .build()
}

#[tokio::test]
async fn buckets_are_selected_by_provider() {
    let server = Server::start().await;
    let buckets = server.namespace().api::<S3Bucket>().unwrap();
    for (name, provider) in [("first", "one"), ("second", "other")] {
        let bucket = bucket(name, server.namespace().name(), provider);
        buckets
            .create(&PostParams::default(), &bucket)
            .await
            .unwrap();
    }
    let of_other = ListParams::default().fields("spec.providerRef.name=other");
    let found = buckets.list(&of_other).await.unwrap();
    let names: Vec<_> = found
        .iter()
        .filter_map(|bucket| bucket.metadata.name.as_deref())
        .collect();
    assert_eq!(names, ["second"]);
}

#[tokio::test]
async fn kubectl_shows_why_a_bucket_is_not_ready() {
    let server = Server::start().await;
    let buckets = server.namespace().api::<S3Bucket>().unwrap();
    let bucket = bucket("shown", server.namespace().name(), "aws");
    buckets
        .create(&PostParams::default(), &bucket)
        .await
        .unwrap();
    let status = json!({ "status": { "region": "eu-west-3", "ready": false, "conditions": [{
        "type": "Ready", "status": "False", "reason": "CreationFailed", "message": "the name is taken",
        "lastTransitionTime": "2024-01-02T03:04:05Z",
    }] } });
    let stored = buckets
        .patch_status("shown", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
    assert_eq!(
        Managed::status(&stored).unwrap().region.as_deref(),
        Some("eu-west-3")
    );

    let cluster = ControlPlane::shared().await.unwrap();
    let shown = cluster
        .kubectl()
        .args([
            "get",
            "s3",
            "shown",
            "--output=wide",
            "--namespace",
            server.namespace().name(),
        ])
        .output()
        .unwrap();
    let table = String::from_utf8(shown.stdout).unwrap();
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(
        lines.next().unwrap(),
        [
            "NAME", "BUCKET", "READY", "REGION", "REASON", "MESSAGE", "AGE"
        ]
    );
    let row = lines.next().unwrap().join(" ");
    assert!(
        row.starts_with("shown shown false eu-west-3 CreationFailed the name is taken"),
        "{table}"
    );
}

#[tokio::test]
async fn kubectl_shows_what_became_of_routes_and_backends() {
    let server = Server::start().await;
    let namespace = server.namespace().name();
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "Reconciled", "message": "applied to 2 gateways",
            "lastTransitionTime": "2024-01-02T03:04:05Z",
        })
    };
    let kubectl = async |shown: &str| {
        let cluster = ControlPlane::shared().await.unwrap();
        let mut command = cluster.kubectl();
        command.args([
            "get",
            shown,
            "trial",
            "--output=wide",
            "--namespace",
            namespace,
        ]);
        let table = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let lines = table.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.join(" ")
        });
        lines.collect::<Vec<_>>()
    };

    server.store(&crate::objects::bases("APIRoute")[0]).await;
    let routes = server.namespace().api::<APIRoute>().unwrap();
    let status = json!({ "status": { "conditions": [condition("Ready")] } });
    let merge = PatchParams::default();
    routes
        .patch_status("trial", &merge, &Patch::Merge(&status))
        .await
        .unwrap();
    let table = kubectl("ar").await;
    assert_eq!(table[0], "NAME READY REASON MESSAGE AGE");
    assert!(
        table[1].starts_with("trial True Reconciled applied to 2 gateways"),
        "{table:?}"
    );

    server.store(&crate::objects::bases("Backend")[0]).await;
    let backends = server.namespace().api::<Backend>().unwrap();
    let conditions = [condition("Ready"), condition("Healthy")];
    let status =
        json!({ "status": { "conditions": conditions, "healthyHosts": 2, "totalHosts": 2 } });
    let stored = backends
        .patch_status("trial", &merge, &Patch::Merge(&status))
        .await
        .unwrap();
    assert_eq!(Managed::status(&stored).unwrap().healthy_hosts, Some(2));
    let table = kubectl("be").await;
    assert_eq!(table[0], "NAME READY HEALTHY HOSTS REASON MESSAGE AGE");
    assert!(
        table[1].starts_with("trial True True 2 Reconciled applied to 2 gateways"),
        "{table:?}"
    );
}
