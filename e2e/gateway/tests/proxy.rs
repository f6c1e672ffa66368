//! Real requests through the data plane.

mod operator;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use gateway::{Gateway, Options};
use operator::{Operator, Streaming, ask, full_sync, get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server that answers with its name, the request's target and the header `x-sent`.
async fn upstream(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let echo = move |request: Request| {
        let of = |name| {
            let value = request.headers().get(name);
            value.and_then(|it| it.to_str().ok()).unwrap_or("-")
        };
        let (sent, host) = (of("x-sent"), of("host"));
        let (method, uri) = (request.method(), request.uri());
        let body = format!("{name} {method} {uri} {sent} {host}");
        let hangs = uri.path() == "/hangs";
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            ([("x-from", name), ("x-inner", "1")], body)
        }
    };
    let app = Router::new().fallback(echo);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

async fn start(resolve: &[(&str, SocketAddr)]) -> (Operator, Gateway, Streaming) {
    let operator = Operator::start().await;
    let resolve = resolve.iter().map(|(name, at)| ((*name).to_owned(), *at));
    let gateway = Gateway::start(Options {
        listen: Some(([127, 0, 0, 1], 0).into()),
        resolve: resolve.collect(),
        ..operator.options()
    })
    .await
    .unwrap();
    let stream = operator.stream().await;
    (operator, gateway, stream)
}

async fn apply(operator: &Operator, stream: &Streaming, routes: &[Value], backends: &[Value]) {
    let (success, error) = operator
        .push(stream, full_sync("v", routes, backends))
        .await;
    assert!(success, "{error}");
}

fn to(host: &str, port: u16, weight: i64) -> Value {
    json!({"destination": {"host": host, "port": port}, "weight": weight})
}

fn backend(name: &str, hosts: &[SocketAddr]) -> Value {
    let host =
        |at: &SocketAddr| json!({"address": at.ip().to_string(), "port": at.port(), "weight": 1});
    json!({"name": name, "hosts": hosts.iter().map(host).collect::<Vec<_>>()})
}

fn names(bodies: &[String]) -> Vec<&str> {
    let name = |body: &String| body.split(' ').next().map(str::len);
    bodies
        .iter()
        .map(|body| &body[..name(body).unwrap()])
        .collect()
}

async fn bodies(gateway: &Gateway, path: &str, times: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..times {
        let (status, body) = get(gateway, path).await;
        assert_eq!(status, 200, "{body}");
        all.push(body);
    }
    all
}

#[tokio::test]
async fn before_the_first_snapshot_and_without_a_match_it_is_404() {
    let (operator, gateway, stream) = start(&[]).await;
    assert_eq!(get(&gateway, "/").await.0, 404);
    apply(&operator, &stream, &[operator::route("a")], &[]).await;
    assert_eq!(get(&gateway, "/a/x").await, (200, "a".into()));
    assert_eq!(get(&gateway, "/b").await.0, 404);
}

#[tokio::test]
async fn a_destination_is_a_backend_or_a_host_of_one_or_an_address() {
    let [one, two, far] = [
        upstream("one").await,
        upstream("two").await,
        upstream("far").await,
    ];
    let (operator, gateway, stream) = start(&[("far.default.svc", far)]).await;
    let route = |name: &str, destination: Value| {
        json!({"name": name, "match": [{"uri": {"prefix": format!("/{name}")}}],
               "route": [destination]})
    };
    let routes = [
        route("name", to("pair", 1, 0)),
        route("host", to("127.0.0.1", two.port(), 0)),
        route("plain", to("127.0.0.1", far.port(), 0)),
        route("known", to("far.default.svc", 8080, 0)),
        route("nowhere", to("none.invalid", 8080, 0)),
    ];
    apply(&operator, &stream, &routes, &[backend("pair", &[one, two])]).await;

    let turns = bodies(&gateway, "/name", 4).await;
    assert_eq!(names(&turns), ["one", "two", "one", "two"]);
    let by_host = bodies(&gateway, "/host", 2).await;
    assert_eq!(
        names(&by_host),
        ["one", "two"],
        "the host's backend is taken"
    );
    assert_eq!(names(&bodies(&gateway, "/plain", 1).await), ["far"]);
    assert_eq!(names(&bodies(&gateway, "/known", 1).await), ["far"]);
    assert_eq!(get(&gateway, "/nowhere").await.0, 502);
}

#[tokio::test]
async fn weights_are_shares() {
    let [a, b] = [upstream("a").await, upstream("b").await];
    let (operator, gateway, stream) = start(&[]).await;
    let route = |name: &str, left, right| {
        json!({"name": name, "match": [{"uri": {"prefix": format!("/{name}")}}],
               "route": [to("a", 1, left), to("b", 1, right)]})
    };
    let routes = [
        route("some", 80, 20),
        route("none", 100, 0),
        route("equal", 0, 0),
    ];
    apply(
        &operator,
        &stream,
        &routes,
        &[backend("a", &[a]), backend("b", &[b])],
    )
    .await;
    for (path, share) in [("/some", 8), ("/none", 10), ("/equal", 5)] {
        let all = bodies(&gateway, path, 10).await;
        assert_eq!(
            names(&all).iter().filter(|name| **name == "a").count(),
            share,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_passes_is_changed_as_the_route_says() {
    let at = upstream("it").await;
    let (operator, gateway, stream) = start(&[]).await;
    let route = json!({
        "name": "r",
        "match": [{"uri": {"prefix": "/api"}, "methods": ["POST"],
                   "headers": [{"name": "x-want", "exact": "yes"}],
                   "queryParams": [{"name": "q", "present": true}]}],
        "route": [to("b", 1, 100)],
        "rewrite": {"uri": "/v2", "authority": "inner.test"},
        "headers": {"request": {"set": {"x-sent": "by-route"}},
                    "response": {"add": {"x-new": "1"}, "remove": ["x-inner"]}},
    });
    apply(&operator, &stream, &[route], &[backend("b", &[at])]).await;
    let request = |want: &str, query: &str| {
        let uri = format!("{}/api/x{query}", gateway.url());
        let builder = http::Request::post(uri).header("x-want", want);
        builder.body("body".to_owned()).unwrap()
    };
    let answer = ask(request("yes", "?q=1")).await;
    assert_eq!(answer.body(), "it POST /v2/x?q=1 by-route inner.test");
    assert_eq!(answer.headers()["x-new"], "1");
    assert!(!answer.headers().contains_key("x-inner"));
    assert_eq!(ask(request("no", "?q=1")).await.status(), 404);
    assert_eq!(ask(request("yes", "")).await.status(), 404);
}

#[tokio::test]
async fn a_timeout_and_a_redirect_are_answered_by_the_gateway() {
    let at = upstream("it").await;
    let (operator, gateway, stream) = start(&[]).await;
    let routes = [
        json!({"name": "hangs", "match": [{"uri": {"exact": "/hangs"}}], "timeout": "50ms",
               "route": [to("b", 1, 100)]}),
        json!({"name": "moved", "match": [{"uri": {"exact": "/old"}}],
               "redirect": {"uri": "/new", "code": 308}}),
    ];
    apply(&operator, &stream, &routes, &[backend("b", &[at])]).await;
    assert_eq!(get(&gateway, "/hangs").await.0, 504);
    let uri = format!("{}/old?q=1", gateway.url());
    let answer = ask(http::Request::get(uri).body(String::new()).unwrap()).await;
    assert_eq!(answer.status(), 308);
    assert_eq!(
        answer.headers()["location"],
        format!("{}/new?q=1", gateway.url())
    );
}
