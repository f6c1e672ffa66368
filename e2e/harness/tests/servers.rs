//! A control plane of a test's own: what happens to its servers.

use std::path::Path;

use harness::ControlPlane;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::io::{AsyncBufReadExt, BufReader};

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

#[tokio::test]
async fn the_program_serves_until_its_input_closes() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("kubeconfig");
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .arg("--until-stdin-closes")
        .arg("--kubeconfig-out")
        .arg(&out)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let printed = lines
        .next_line()
        .await
        .unwrap()
        .expect("a line once it serves");
    let file = printed
        .strip_prefix("export KUBECONFIG=")
        .unwrap()
        .to_owned();
    let cluster = harness::Cluster::from_kubeconfig(&out).await.unwrap();
    let version = cluster.client().unwrap().apiserver_version().await.unwrap();
    assert_eq!(version.major, "1");

    drop(program.stdin.take());
    let status = program.wait().await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(
        lines.next_line().await.unwrap(),
        None,
        "stdout has that line alone"
    );
    assert!(!Path::new(&file).exists(), "it removes what it made");
    assert!(cluster.client().unwrap().apiserver_version().await.is_err());
}
