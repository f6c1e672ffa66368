//! An API server without a connection: it answers what the operator of widgets asks at a start.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use tower_service::Service;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What is there at the operator's start.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// Widgets alone.
    Cold,
    /// Their config maps, too, and statuses that say so.
    Steady,
}

/// The server. A clone is the same.
#[derive(Clone)]
pub struct Server {
    widgets: Bytes,
    config_maps: Bytes,
    writes: Arc<AtomicUsize>,
}

const STATUS: &str = r#"{"ready":true,"observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"Applied","message":"the config map is as the spec says","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z"}]}"#;

impl Server {
    pub fn new(start: Start, widgets: usize) -> Self {
        let names = || (0..widgets).map(|number| format!("widget-{number}"));
        let (status, children): (_, Vec<_>) = match start {
            Start::Cold => (None, Vec::new()),
            Start::Steady => (
                Some(STATUS),
                names().map(|name| config_map(&name)).collect(),
            ),
        };
        let widgets: Vec<_> = names().map(|name| widget(&name, 10, status)).collect();
        Self {
            widgets: list(&widgets),
            config_maps: list(&children),
            writes: Arc::default(),
        }
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    fn answer(&self, request: &Request<Body>) -> Answer {
        let (path, query) = (request.uri().path(), request.uri().query());
        let of_widgets = path.contains("/widgets");
        if request.method() == Method::GET {
            let query = query.unwrap_or_default();
            assert!(query.contains("sendInitialEvents=true"), "{path}?{query}");
            let listed = if of_widgets {
                &self.widgets
            } else {
                &self.config_maps
            };
            let listed = BodyStream::new(Full::new(listed.clone()));
            let watched = StreamBody::new(listed.chain(stream::pending()));
            return Response::new(watched.boxed_unsync());
        }
        assert_eq!(request.method(), Method::PATCH, "{path}");
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut parts = path.rsplit('/');
        let answer = if of_widgets {
            assert_eq!(parts.next(), Some("status"));
            let name = parts.next().unwrap();
            stored(name, &format!("uid-of-{name}"), "11")
        } else {
            let name = parts.next().unwrap();
            stored(name, &format!("map-of-{name}"), "12")
        };
        Response::new(Full::new(answer.into()).boxed_unsync())
    }
}

/// Metadata as protobuf, as far as anybody reads it.
fn stored(name: &str, uid: &str, version: &str) -> Vec<u8> {
    let field = |number: u8, value: &[u8]| {
        let length = u8::try_from(value.len()).ok().filter(|it| *it < 128);
        [&[number << 3 | 2, length.unwrap()], value].concat()
    };
    let metadata = [(1, name), (3, "default"), (5, uid), (6, version)];
    let metadata = metadata.map(|(number, value)| field(number, value.as_bytes()));
    let object = field(1, &metadata.concat());
    [b"k8s\0".as_slice(), &field(2, &object)].concat()
}

impl Service<Request<Body>> for Server {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

/// A streamed list: an event for each, and a bookmark that says that these are all.
fn list(items: &[String]) -> Bytes {
    let added = |item: &String| format!("{{\"type\":\"ADDED\",\"object\":{item}}}\n");
    let mut events: String = items.iter().map(added).collect();
    events += r#"{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Any","metadata":{"resourceVersion":"10","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
    events.push('\n');
    events.into()
}

fn widget(name: &str, version: u64, status: Option<&str>) -> String {
    let status = status.map_or_else(String::new, |status| format!(r#","status":{status}"#));
    format!(
        r#"{{"apiVersion":"widgets.example.com/v1","kind":"Widget","metadata":{{"name":"{name}","namespace":"default","uid":"uid-of-{name}","resourceVersion":"{version}","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{{"manager":"users","operation":"Update","apiVersion":"widgets.example.com/v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{"f:spec":{{".":{{}},"f:size":{{}},"f:text":{{}}}}}}}}]}},"spec":{{"text":"as created","size":1}}{status}}}"#
    )
}

/// As the operator applied it.
fn config_map(name: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"default","uid":"map-of-{name}","resourceVersion":"9","creationTimestamp":"2026-01-01T00:00:00Z","labels":{{"app.kubernetes.io/managed-by":"widget-core"}},"ownerReferences":[{{"apiVersion":"widgets.example.com/v1","kind":"Widget","name":"{name}","uid":"uid-of-{name}","controller":true}}],"managedFields":[{{"manager":"widget-core","operation":"Apply","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:labels":{{"f:app.kubernetes.io/managed-by":{{}}}},"f:ownerReferences":{{"k:{{\"uid\":\"uid-of-{name}\"}}":{{}}}}}},"f:data":{{"f:revision":{{}},"f:size":{{}},"f:text":{{}}}}}}}}]}},"data":{{"text":"as created","size":"1","revision":"1"}}}}"#
    )
}
