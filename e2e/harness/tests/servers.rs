//! A control plane of a test's own: what happens to its servers.

use harness::ControlPlane;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};

#[tokio::test]
async fn data_and_clients_survive_a_restart_of_the_api_server() {
    let control_plane = ControlPlane::start().await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(control_plane.client().unwrap(), "default");
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some("kept".into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    let made = maps.create(&PostParams::default(), &map).await.unwrap();

    control_plane.stop_api_server().await;
    assert!(maps.get("kept").await.is_err());
    control_plane.start_api_server().await.unwrap();
    assert!(control_plane.start_api_server().await.is_err(), "it runs");

    let kept = maps.get("kept").await.unwrap();
    assert_eq!(kept.metadata.uid, made.metadata.uid);

    // The controllers find their way back too.
    let namespace = control_plane.namespace("after").await.unwrap();
    namespace.delete().await.unwrap();

    let folder = control_plane.logs().to_owned();
    assert!(folder.join("kube-apiserver.log").exists());
    control_plane.stop().await;
    assert!(!folder.exists());
    assert!(maps.get("kept").await.is_err());
}
