//! How the client of the API server behaves.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
};
use clap::Parser;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use operator_core::process::config::{Common, Inputs, client, load};
use tempfile::TempDir;
use tokio::net::TcpListener;

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
    let client = client(&settings, "example-operator", "1.2.3")
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    maps.get("any").await.expect_err("the server is overloaded");
    assert_eq!(
        *agents.lock().unwrap(),
        ["example-operator/1.2.3"],
        "kube's own retry is off"
    );
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
