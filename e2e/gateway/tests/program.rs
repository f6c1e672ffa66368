//! The gateway as a program.

mod operator;

use std::process::Command;
use std::time::Duration;

use harness::process;
use operator::{Operator, PATIENCE, full_sync, route};
use serde_json::Value;

#[tokio::test]
async fn it_says_what_happens_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::start().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .args(["--operator-address", &operator.address.to_string()])
        .args(["--gateway-name", "gw", "--gateway-namespace", "edge"])
        .args(["--operator-namespaces", "a,b"]);
    let child = process::spawn(command, &folder.path().join("gateway.log")).unwrap();

    let stream = operator.stream().await;
    assert_eq!(stream.request.namespaces, ["a", "b"]);
    let info = stream.request.gateway.clone().unwrap();
    assert_eq!(
        (info.namespace.as_str(), info.name.as_str()),
        ("edge", "gw")
    );
    operator
        .push(&stream, full_sync("v1", &[route("a")], &[]))
        .await;

    let events = || -> Vec<Value> {
        let text = child.log_tail(100);
        let parsed = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        parsed.collect()
    };
    let acknowledged = || async { events().iter().any(|it| it["event"] == "acknowledged") };
    harness::wait::until("the event", PATIENCE, acknowledged)
        .await
        .unwrap();
    let events = events();
    let named = |name: &str| events.iter().find(|it| it["event"] == name).unwrap();
    let url = named("listening")["url"].as_str().unwrap();
    let request = http::Request::get(format!("{url}/a")).body(String::new());
    assert_eq!(operator::ask(request.unwrap()).await.body(), "a");
    assert_eq!(named("processed")["outcome"], "applied");
    assert_eq!(child.stop(Duration::from_secs(60)).await.code(), Some(0));
}
