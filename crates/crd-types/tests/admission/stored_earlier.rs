//! Objects that were stored before a rule existed stay readable, patchable and deletable.

use crd_types::aws::v1alpha1::S3Bucket;
use harness::ControlPlane;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, CustomResourceExt, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};

/// The kind under another group, so that changing its definition disturbs nobody.
fn definition(group: &str) -> CustomResourceDefinition {
    let mut crd = S3Bucket::crd();
    crd.metadata.name = Some(format!("{}.{group}", crd.spec.names.plural));
    crd.spec.group = group.to_owned();
    crd.spec.names.short_names = None;
    crd.spec.names.categories = None;
    crd
}

/// The same without any rule or bound, as an earlier schema may have been.
fn without_rules(crd: &CustomResourceDefinition) -> CustomResourceDefinition {
    fn strip(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                for rule in [
                    "x-kubernetes-validations",
                    "maxLength",
                    "minLength",
                    "maxItems",
                    "maxProperties",
                ] {
                    fields.remove(rule);
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut crd = serde_json::to_value(crd).unwrap();
    strip(&mut crd);
    serde_json::from_value(crd).unwrap()
}

#[tokio::test]
async fn what_an_earlier_schema_let_in_can_be_read_patched_and_deleted() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = cluster.namespace("earlier").await.unwrap();
    let group = format!("{}.earlier.example", namespace.name());
    let crd = definition(&group);
    let definition_name = crd.name_any();
    let resource = ApiResource {
        group: group.clone(),
        version: "v1alpha1".into(),
        api_version: format!("{group}/v1alpha1"),
        kind: "S3Bucket".into(),
        plural: crd.spec.names.plural.clone(),
    };
    let buckets: Api<DynamicObject> =
        Api::namespaced_with(cluster.client().unwrap(), namespace.name(), &resource);

    cluster.install_crds([without_rules(&crd)]).await.unwrap();
    let earlier = |name: &str| -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": resource.api_version,
            "kind": "S3Bucket",
            "metadata": { "name": name, "finalizers": ["aws-infra-operator.runner.codes/s3bucket-finalizer"] },
            "spec": {
                "providerRef": { "name": "Not A Name" },
                "bucketName": "Not_A_Bucket",
                "encryption": { "algorithm": "AES256", "kmsKeyID": "some key" },
                "tags": { "aws:mine": "1,5" },
            },
        }))
        .unwrap()
    };
    buckets
        .create(&PostParams::default(), &earlier("kept"))
        .await
        .unwrap();

    cluster.install_crds([crd]).await.unwrap();
    harness::wait::until(
        "the rules to be in force",
        harness::wait::PATIENCE,
        async || {
            let dry = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            buckets.create(&dry, &earlier("new")).await.is_err()
        },
    )
    .await
    .unwrap();

    let stored: S3Bucket = buckets.get("kept").await.unwrap().try_parse().unwrap();
    let refused = stored.spec.check().unwrap_err();
    assert_eq!(refused.path, "spec.providerRef.name");

    let merge = PatchParams::default();
    let status = json!({ "status": { "ready": false } });
    buckets
        .patch_status("kept", &merge, &Patch::Merge(&status))
        .await
        .unwrap();
    buckets
        .delete("kept", &DeleteParams::default())
        .await
        .unwrap();
    let released = json!({ "metadata": { "finalizers": null } });
    buckets
        .patch("kept", &merge, &Patch::Merge(&released))
        .await
        .unwrap();
    assert!(buckets.get_opt("kept").await.unwrap().is_none());

    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client().unwrap());
    definitions
        .delete(&definition_name, &DeleteParams::default())
        .await
        .unwrap();
}
