//! The proxy before a small server of the test's own, which tells what reached it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use harness::proxy::kubernetes::{ApiProxy, refusal, watch_expired};
use harness::proxy::{Action, Flow, Gate, Outcome, Point, Proxy, Rule, Verb, Verdict};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::net::TcpListener;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server whose effect is a number, and whose watches send what the test tells them.
#[derive(Clone, Default)]
struct Server {
    effects: Arc<AtomicUsize>,
    watches: Arc<Mutex<Vec<mpsc::UnboundedSender<&'static str>>>>,
}

impl Server {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                tokio::spawn(http1::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request| {
                        let answer = server.answer(request);
                        async { Ok::<_, Infallible>(answer) }
                    }),
                ));
            }
        });
        address
    }

    fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.uri().query() == Some("watch=true") {
            let (sender, lines) = mpsc::unbounded();
            self.watches.lock().push(sender);
            let frames =
                futures::StreamExt::map(lines, |line: &str| Ok(Frame::data(Bytes::from(line))));
            return Response::new(StreamBody::new(frames).boxed_unsync());
        }
        if request.method() != http::Method::GET {
            self.effects.fetch_add(1, Ordering::SeqCst);
        }
        let echo = request.headers().get("authorization").cloned();
        let mut response = Response::new(Full::from("0123456789").boxed_unsync());
        if let Some(echo) = echo {
            response.headers_mut().insert("x-seen-authorization", echo);
        }
        response
    }

    fn effects(&self) -> usize {
        self.effects.load(Ordering::SeqCst)
    }

    fn send(&self, watch: usize, line: &'static str) {
        self.watches.lock()[watch].unbounded_send(line).unwrap();
    }
}

struct Scene {
    server: Server,
    proxy: Proxy,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::default();
        let address = server.start().await;
        Self::before(server, address).await
    }

    async fn before(server: Server, address: SocketAddr) -> Self {
        let config = kube::Config::new(format!("http://{address}").parse().unwrap());
        let proxy = ApiProxy::start(&config).await.unwrap().proxy().clone();
        Self {
            server,
            proxy,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper_util::client::legacy::Error>> + 'static
    {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.proxy.url()))
            .header("user-agent", "tester")
            .header("authorization", "Bearer canary-token")
            .body(Full::from(format!("body of {method}")));
        self.client.request(request.unwrap())
    }

    async fn outcome(&self, path: &'static str) -> Outcome {
        self.proxy.settled(|call| call.path == path).await.outcome
    }
}

async fn text(body: Incoming) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap()
}

async fn chunk(body: &mut Incoming) -> Result<Bytes, hyper::Error> {
    let frame = body.frame().await.expect("the body goes on");
    frame.map(|frame| frame.into_data().unwrap())
}

const THINGS: &str = "/apis/g/v1/namespaces/n/things";

#[tokio::test]
async fn what_passes_is_measured_by_its_answer() {
    let scene = Scene::new().await;
    let path = format!("{THINGS}/t");
    for _ in 0..2 {
        text(scene.send("PATCH", &path).await.unwrap().into_body()).await;
    }
    let mut watch = scene
        .send("GET", &format!("{THINGS}?watch=true"))
        .await
        .unwrap();
    scene.server.send(0, "one\n");
    chunk(watch.body_mut()).await.unwrap();
    scene.proxy.clear();

    let traffic = scene.proxy.traffic();
    let shown: Vec<_> = traffic
        .iter()
        .map(|(kind, flow)| {
            let Flow {
                requests,
                sent,
                received,
            } = *flow;
            (kind.verb, kind.status, requests, sent, received)
        })
        .collect();
    let expected = [
        (Verb::Write, 200, 2, 2 * "body of PATCH".len() as u64, 20),
        (Verb::Watch, 200, 1, "body of GET".len() as u64, 4),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn requests_pass_and_are_on_record() {
    let scene = Scene::new().await;
    let got = scene.send("GET", "/readyz").await.unwrap();
    assert_eq!(got.headers()["x-seen-authorization"], "Bearer canary-token");
    assert_eq!(text(got.into_body()).await, "0123456789");
    let path = format!("{THINGS}/t/status?force=true");
    scene.send("PATCH", &path).await.unwrap();

    let requests = scene.proxy.requests();
    assert_eq!(requests.len(), 2);
    let call = &requests[1].call;
    assert_eq!(
        (call.seq, call.verb, call.about.as_str()),
        (2, Verb::Write, "things/status")
    );
    assert_eq!(call.method, http::Method::PATCH);
    assert_eq!(call.path, format!("{THINGS}/t/status"));
    assert_eq!(call.query, "force=true");
    assert_eq!(call.user_agent(), "tester");
    assert_eq!(call.body, "body of PATCH");
    assert_eq!(requests[1].outcome, Outcome::Answered(StatusCode::OK));
    let shown = format!("{requests:?} {:?}", call.headers);
    assert!(!shown.contains("canary-token"), "{shown}");

    let counts = scene.proxy.counts();
    assert_eq!(counts.of(Verb::Read), 1);
    assert_eq!(counts.about(Verb::Write, "things/status"), 1);
    scene.proxy.clear();
    assert!(scene.proxy.requests().is_empty());
    assert_eq!(scene.proxy.counts().of(Verb::Write), 0);
}

#[tokio::test]
async fn a_body_passes_chunk_by_chunk() {
    let scene = Scene::new().await;
    let path = format!("{THINGS}?watch=true");
    let mut body = scene.send("GET", &path).await.unwrap().into_body();
    // Each is sent only when the one before has arrived.
    for line in ["one\n", "two\n", "three\n"] {
        scene.server.send(0, line);
        assert_eq!(chunk(&mut body).await.unwrap(), line);
    }
    scene.server.watches.lock().clear();
    assert!(body.frame().await.is_none(), "the end passes, too");
    assert_eq!(scene.proxy.counts().about(Verb::Watch, "things"), 1);
}

#[tokio::test]
async fn a_request_dropped_before_has_no_effect() {
    let scene = Scene::new().await;
    let rule = Rule::when(|call| call.verb == Verb::Write, Action::DropBefore);
    let handle = scene.proxy.rule(rule.once());
    scene.send("POST", "/a").await.unwrap_err();
    assert_eq!(scene.server.effects(), 0);
    assert_eq!(scene.outcome("/a").await, Outcome::CutBefore);
    assert_eq!(handle.hits(), 1);

    scene.send("POST", "/b").await.unwrap();
    assert_eq!(scene.server.effects(), 1);
}

#[tokio::test]
async fn a_request_dropped_after_has_its_effect() {
    let scene = Scene::new().await;
    let rule = Rule::when(|call| call.method == "POST", Action::DropAfter);
    scene.proxy.rule(rule);
    scene.send("POST", "/a").await.unwrap_err();
    assert_eq!(scene.server.effects(), 1);
    assert_eq!(scene.outcome("/a").await, Outcome::CutAfter(StatusCode::OK));
}

#[tokio::test]
async fn a_refusal_comes_from_the_proxy() {
    let scene = Scene::new().await;
    let conflict = refusal(StatusCode::CONFLICT, "Conflict", "changed meanwhile");
    scene
        .proxy
        .rule(Rule::when(|_| true, Action::Answer(conflict)));
    let answer = scene.send("PUT", "/a").await.unwrap();
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let status: serde_json::Value = serde_json::from_str(&text(answer.into_body()).await).unwrap();
    assert_eq!(status["reason"], "Conflict");
    assert_eq!(scene.server.effects(), 0);
    assert_eq!(
        scene.outcome("/a").await,
        Outcome::Refused(StatusCode::CONFLICT)
    );

    scene.proxy.clear_rules();
    let expired = Rule::when(
        |call| call.verb == Verb::Watch,
        Action::Answer(watch_expired()),
    );
    scene.proxy.rule(expired);
    let path = format!("{THINGS}?watch=true");
    let answer = scene.send("GET", &path).await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&text(answer.into_body()).await).unwrap();
    assert_eq!(event["object"]["code"], 410);
}

#[tokio::test]
async fn a_held_request_waits_on_the_chosen_side_of_its_effect() {
    let scene = Scene::new().await;
    for (path, point, effects) in [("/before", Point::Before, 0), ("/after", Point::After, 1)] {
        scene.server.effects.store(0, Ordering::SeqCst);
        let gate = Gate::new();
        let hold = Action::Hold(point, gate.clone());
        scene
            .proxy
            .rule(Rule::when(move |call| call.path == path, hold));
        let request = tokio::spawn(scene.send("POST", path));
        gate.arrived(1).await;
        assert_eq!(scene.server.effects(), effects, "{path}");
        assert!(!request.is_finished());
        gate.open();
        let answer = request.await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(scene.server.effects(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_a_held_request_takes_it_along() {
    let scene = Scene::new().await;
    let gate = Gate::new();
    let hold = Action::Hold(Point::Before, gate.clone());
    scene.proxy.rule(Rule::when(|_| true, hold));
    let request = tokio::spawn(scene.send("POST", "/a"));
    gate.arrived(1).await;
    request.abort();
    assert_eq!(scene.outcome("/a").await, Outcome::LeftBefore);
    gate.open();
    scene.send("POST", "/b").await.unwrap();
    assert_eq!(scene.server.effects(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_later_does_not_undo_the_effect() {
    let scene = Scene::new().await;
    let gate = Gate::new();
    let hold = Action::Hold(Point::After, gate.clone());
    scene.proxy.rule(Rule::when(|_| true, hold));
    let request = tokio::spawn(scene.send("POST", "/a"));
    gate.arrived(1).await;
    request.abort();
    assert_eq!(scene.outcome("/a").await, Outcome::LeftAfter);
    assert_eq!(scene.server.effects(), 1);
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a delay is the one action that is about time"
)]
async fn a_delay_delays() {
    let scene = Scene::new().await;
    let delay = Duration::from_millis(80);
    scene.proxy.rule(Rule::when(|_| true, Action::Delay(delay)));
    let start = std::time::Instant::now();
    scene.send("POST", "/a").await.unwrap();
    assert!(start.elapsed() >= delay);
    assert_eq!(scene.server.effects(), 1);
}

#[tokio::test]
async fn a_body_is_cut_after_so_many_bytes() {
    let scene = Scene::new().await;
    scene.proxy.rule(Rule::when(|_| true, Action::CutBody(4)));
    let mut body = scene.send("GET", "/a").await.unwrap().into_body();
    assert_eq!(chunk(&mut body).await.unwrap(), "0123");
    chunk(&mut body).await.unwrap_err();

    let path = format!("{THINGS}?watch=true");
    let mut body = scene.send("GET", &path).await.unwrap().into_body();
    scene.server.send(0, "ab");
    assert_eq!(chunk(&mut body).await.unwrap(), "ab");
    scene.server.send(0, "cdef");
    assert_eq!(chunk(&mut body).await.unwrap(), "cd");
    chunk(&mut body).await.unwrap_err();
}

#[tokio::test]
async fn open_watches_are_cut_when_told() {
    let scene = Scene::new().await;
    let mut bodies = Vec::new();
    for kind in ["things", "others"] {
        let path = format!("/apis/g/v1/{kind}?watch=true");
        bodies.push(scene.send("GET", &path).await.unwrap().into_body());
    }
    assert_eq!(scene.proxy.open_watches().len(), 2);
    let cut = scene.proxy.cut_watches(|call| call.about == "things");
    assert_eq!(cut, 1);
    chunk(&mut bodies[0]).await.unwrap_err();
    scene.server.send(1, "still here");
    assert_eq!(chunk(&mut bodies[1]).await.unwrap(), "still here");
    let left = scene.proxy.open_watches();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].about, "others");
}

#[tokio::test]
async fn the_hook_stands_on_both_sides_of_every_effect() {
    let scene = Scene::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let effects = scene.server.effects.clone();
    let log = seen.clone();
    scene.proxy.on_request(move |point, call| {
        let effects = effects.load(Ordering::SeqCst);
        log.lock().push((point, call.path.clone(), effects));
        let stop = match call.path.as_str() {
            "/b" => point == Point::Before,
            "/c" => point == Point::After,
            _ => false,
        };
        async move { if stop { Verdict::Cut } else { Verdict::Pass } }
    });
    scene.send("POST", "/a").await.unwrap();
    scene.send("POST", "/b").await.unwrap_err();
    scene.send("POST", "/c").await.unwrap_err();
    let expected = [
        (Point::Before, "/a", 0),
        (Point::After, "/a", 1),
        (Point::Before, "/b", 1),
        (Point::Before, "/c", 1),
        (Point::After, "/c", 2),
    ];
    let expected = expected.map(|(point, path, effects)| (point, path.to_owned(), effects));
    assert_eq!(*seen.lock(), expected);
    assert_eq!(scene.outcome("/b").await, Outcome::CutBefore);
    assert_eq!(scene.outcome("/c").await, Outcome::CutAfter(StatusCode::OK));

    scene.proxy.clear_rules();
    scene.send("POST", "/d").await.unwrap();
    assert_eq!(seen.lock().len(), expected.len());
}

#[tokio::test]
async fn a_server_that_is_away_looks_like_a_cut_connection() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let scene = Scene::before(Server::default(), address).await;
    scene.send("GET", "/a").await.unwrap_err();
    let outcome = scene.outcome("/a").await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_proxy_ends_with_its_last_handle() {
    let scene = Scene::new().await;
    let path = format!("{THINGS}?watch=true");
    let mut body = scene.send("GET", &path).await.unwrap().into_body();
    drop(scene.proxy);
    chunk(&mut body).await.unwrap_err();
}
