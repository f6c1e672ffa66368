//! What `kubectl` shows, and what a watch can select by.

use crd_types::{
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
