//! An earlier definition in the place of a later one.

use crd_types::aws::v1alpha1::S3Bucket;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::{kind::Kind, least, lives_on};

/// What the API server does with a field that a definition has no longer: it does not show it, keeps it in its storage,
/// and loses it with the next write of the object, were it only of the status.
#[tokio::test]
async fn a_field_that_an_earlier_definition_lacks_is_kept_until_the_object_is_written() {
    let present = S3Bucket::crd();
    let mut earlier = serde_json::to_value(&present).unwrap();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let fields = earlier
        .pointer_mut(spec)
        .and_then(Value::as_object_mut)
        .unwrap();
    fields.remove("abac").expect("the field that is new");
    let earlier = serde_json::from_value(earlier).unwrap();

    let kind = Kind::like(&present).await;
    let least = least("S3Bucket");
    kind.install(&present, &least).await;
    let mut spec = least.clone();
    spec["abac"] = json!({ "enabled": true });
    for object in ["untouched", "labelled", "reported"] {
        kind.store(object, &spec, &json!({ "ready": true }))
            .await
            .unwrap();
    }
    kind.install(&earlier, &least).await;
    for object in ["untouched", "labelled", "reported"] {
        assert_eq!(kind.read(object).await.unwrap()["spec"], least, "{object}");
    }
    kind.label("labelled").await.unwrap();
    let status = json!({ "ready": false });
    kind.write_status("reported", &status).await.unwrap();

    kind.install(&present, &least).await;
    for (object, left) in [
        ("untouched", &spec),
        ("labelled", &least),
        ("reported", &least),
    ] {
        assert_eq!(kind.read(object).await.unwrap()["spec"], *left, "{object}");
        lives_on(&kind, object).await.unwrap();
    }
    kind.uninstall().await;
}
