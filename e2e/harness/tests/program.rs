//! The program `control-plane`, and test processes that share what it started.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};

use harness::binaries::{ASSETS, Binaries};
use harness::control_plane::SHARED;
use harness::scratch::Scratch;
use harness::wait::{PATIENCE, until};
use harness::{Cluster, ControlPlane};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.harness.test
spec:
  group: harness.test
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
";

#[tokio::test]
async fn it_serves_until_its_input_closes_and_is_shared_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (out, crds) = (dir.path().join("kubeconfig"), dir.path().join("crds"));
    fs::create_dir(&crds).unwrap();
    fs::write(crds.join("things.yaml"), DEFINITION).unwrap();
    let mut program = program();
    program
        .arg("--kubeconfig-out")
        .arg(&out)
        .arg("--crds")
        .arg(&crds);
    let (mut running, mut lines) = start(program);

    let printed = lines
        .next_line()
        .await
        .unwrap()
        .expect("a line once it serves");
    let file = printed.strip_prefix("export KUBECONFIG=").unwrap();
    let cluster = Cluster::from_kubeconfig(&out).await.unwrap();
    assert_eq!(
        cluster.url(),
        Cluster::from_kubeconfig(Path::new(file))
            .await
            .unwrap()
            .url()
    );
    Api::<CustomResourceDefinition>::all(cluster.client().unwrap())
        .get("things.harness.test")
        .await
        .unwrap();

    let member = member(&out).await;
    assert_eq!(
        said(&member),
        cluster.url(),
        "another process uses the same one"
    );

    drop(running.stdin.take());
    let status = running.wait().await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(
        lines.next_line().await.unwrap(),
        None,
        "stdout has that line alone"
    );
    assert!(!Path::new(file).exists(), "it removes what it made");
    assert!(cluster.client().unwrap().apiserver_version().await.is_err());
}

#[tokio::test]
async fn killed_it_leaves_no_server_and_the_next_run_removes_its_folder() {
    let (mut running, mut lines) = start(program());
    let printed = lines
        .next_line()
        .await
        .unwrap()
        .expect("a line once it serves");
    let file = Path::new(printed.strip_prefix("export KUBECONFIG=").unwrap());
    let url = Cluster::from_kubeconfig(file).await.unwrap().url();
    let address = url.strip_prefix("https://").unwrap();

    // SIGKILL: it gets no chance to clean up.
    running.kill().await.unwrap();

    let refused = || async { TcpStream::connect(address).await.is_err() };
    until("the API server's end", PATIENCE, refused)
        .await
        .unwrap();
    let swept = || async {
        Scratch::new("sweeper").unwrap();
        !file.exists()
    };
    until("the sweep", PATIENCE, swept).await.unwrap();
}

#[tokio::test]
async fn a_cluster_elsewhere_is_never_shared() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    let text = "\
        {apiVersion: v1, kind: Config, current-context: c,\
        contexts: [{name: c, context: {cluster: c, user: u}}],\
        clusters: [{name: c, cluster: {server: 'https://production.example.org'}}],\
        users: [{name: u, user: {token: t}}]}";
    fs::write(&file, text).unwrap();
    let refused = said(&member(&file).await);
    assert!(refused.contains(SHARED), "{refused}");
    assert!(refused.contains("production.example.org"), "{refused}");
}

/// `setup-envtest` brings no kube-controller-manager.
#[tokio::test]
async fn without_controllers_it_serves_and_says_what_is_missing() {
    let ours = Binaries::find().await.unwrap();
    let assets = tempfile::tempdir().unwrap();
    symlink(ours.etcd(), assets.path().join("etcd")).unwrap();
    symlink(ours.api_server(), assets.path().join("kube-apiserver")).unwrap();
    let mut program = program();
    program.env(ASSETS, assets.path()).stderr(Stdio::piped());
    let (mut running, mut lines) = start(program);

    let printed = lines
        .next_line()
        .await
        .unwrap()
        .expect("a line once it serves");
    assert!(printed.starts_with("export KUBECONFIG="), "{printed}");
    drop(running.stdin.take());
    let output = running.wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("holds no kube-controller-manager"), "{told}");
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_its_last_words() {
    let ours = Binaries::find().await.unwrap();
    let assets = tempfile::tempdir().unwrap();
    symlink(ours.etcd(), assets.path().join("etcd")).unwrap();
    let broken = assets.path().join("kube-apiserver");
    fs::write(&broken, "#!/bin/sh\necho the disk is on fire; exit 5\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = program();
    program.env(ASSETS, assets.path()).stderr(Stdio::piped());
    let (mut running, _lines) = start(program);
    let _open = running.stdin.take();
    let output = running.wait_with_output().await.unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("kube-apiserver ended with exit status: 5"),
        "{told}"
    );
    assert!(told.contains("the disk is on fire"), "{told}");
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    program.arg("--until-stdin-closes");
    program
}

fn start(mut program: Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut running = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = running.stdout.take().expect("it is piped");
    (running, BufReader::new(output).lines())
}

/// Runs the ignored test below in a process of its own, with this shared cluster.
async fn member(kubeconfig: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shared", "--ignored", "--nocapture"])
        .env(SHARED, kubeconfig)
        .output()
        .await
        .unwrap()
}

fn said(member: &Output) -> String {
    let output = String::from_utf8_lossy(&member.stdout);
    let said = output
        .lines()
        .find_map(|line| line.strip_prefix("shared: "));
    said.unwrap_or_else(|| panic!("{member:?}")).to_owned()
}

#[tokio::test]
#[ignore = "the body of the processes that the other tests start"]
async fn shared() {
    match ControlPlane::shared().await {
        Ok(cluster) => println!("\nshared: {}", cluster.url()),
        Err(e) => println!("\nshared: {e:#}"),
    }
}
