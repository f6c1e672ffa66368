//! How the client of the API server behaves.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
};
use clap::Parser;
use futures::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use operator_core::process::config::{Common, Inputs, client, load};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Barrier, watch},
    time::timeout,
};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    common: Common,
}

fn settings(kubeconfig: &str) -> Common {
    let args = [
        "operator",
        "--leader-elect=false",
        "--kubeconfig",
        kubeconfig,
    ]
    .map(Into::into);
    // Whoever runs this test may well have one.
    let env = |name: &str| (name == "KUBECONFIG").then(|| "/never/read".into());
    let inputs = Inputs {
        args: args.into(),
        env: &env,
        facts: &[],
    };
    load::<Settings>(&inputs).unwrap().settings.common
}

/// ConfigMaps as the client reads them from the API server at `address`.
async fn config_maps(address: SocketAddr) -> Api<ConfigMap> {
    let directory = TempDir::new().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c,
          clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}],
          contexts: [{{name: c, context: {{cluster: c, user: u}}}}],
          users: [{{name: u, user: {{}}}}]}}"
    );
    fs::write(&kubeconfig, text).unwrap();
    let settings = settings(kubeconfig.to_str().unwrap());
    let client = client(&settings, "example-operator", "1.2.3").await;
    Api::namespaced(client.unwrap(), "default")
}

#[tokio::test]
async fn one_call_is_one_request_that_says_who_asks() {
    let agents = Arc::new(Mutex::new(Vec::new()));
    let seen = agents.clone();
    let overloaded = Router::new().fallback(async move |headers: HeaderMap| {
        seen.lock()
            .unwrap()
            .push(headers[USER_AGENT].to_str().unwrap().to_owned());
        (StatusCode::SERVICE_UNAVAILABLE, [("Retry-After", "0")])
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, overloaded).await });

    let maps = config_maps(address).await;
    maps.get("any").await.expect_err("the server is overloaded");
    assert_eq!(
        *agents.lock().unwrap(),
        ["example-operator/1.2.3"],
        "kube's own retry is off"
    );
}

#[tokio::test]
async fn connections_that_a_burst_has_opened_are_closed_after_it() {
    const BURST: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let maps = config_maps(listener.local_addr().unwrap()).await;
    let (open, mut seen) = watch::channel(0);
    let (open, all) = (Arc::new(open), Arc::new(Barrier::new(BURST)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_once(stream, open.clone(), all.clone()));
        }
    });
    let answers = join_all((0..BURST).map(|_| maps.get("any"))).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(*seen.borrow(), BURST, "one connection for each call");
    let closed = seen.wait_for(|open| *open == 0);
    timeout(Duration::from_secs(120), closed)
        .await
        .expect("all are closed")
        .unwrap();
}

/// Answers the first request of a connection when every other connection has one too, and counts those that are open.
async fn answer_once(mut stream: TcpStream, open: Arc<watch::Sender<usize>>, all: Arc<Barrier>) {
    open.send_modify(|open| *open += 1);
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut request).await.unwrap();
    }
    all.wait().await;
    let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    let rest = stream.read_buf(&mut request).await;
    assert!(!rest.is_ok_and(|read| read > 0), "nothing more is asked");
    open.send_modify(|open| *open -= 1);
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let refused = client(&settings("/does/not/exist"), "o", "1")
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.starts_with("--kubeconfig /does/not/exist: "),
        "{refused}"
    );
}

#[tokio::test]
async fn a_name_that_is_no_header_is_refused() {
    let directory = TempDir::new().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = "{current-context: c, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}],
                 contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}";
    fs::write(&kubeconfig, text).unwrap();
    let settings = settings(kubeconfig.to_str().unwrap());
    let refused = client(&settings, "two\nlines", "1")
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("user agent"), "{refused}");
}
