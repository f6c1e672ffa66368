//! The calls that gateways make, counted around the service: no call can be forgotten.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::HeaderMap,
    middleware::{self, Next},
    response::Response,
};
use http_body_util::BodyExt;
use operator_core::decide::clock::Clock;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tonic::{Code, Status, service::Routes};

/// Upper bounds of the time until a call is answered, in seconds. A registration may wait 8 s for the first plan.
const ANSWERED: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];
/// What gateways may call; any other name is told as `other`, for whoever calls could make up as many as they like.
const METHODS: [&str; 5] = [
    "RegisterGateway",
    STREAM,
    "GetConfiguration",
    "Heartbeat",
    "AcknowledgeConfiguration",
];
const STREAM: &str = "StreamConfiguration";

/// The families of calls. A clone is the same.
#[derive(Clone)]
pub(super) struct Calls {
    clock: Clock,
    ended: Family<Ended, Counter>,
    answered: Family<Method, Histogram, fn() -> Histogram>,
    streams: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    method: &'static str,
    code: &'static str,
}

impl Calls {
    pub(super) fn new(clock: Clock) -> Self {
        let calls = Self {
            clock,
            ended: Family::default(),
            answered: Family::new_with_constructor(|| Histogram::new(ANSWERED)),
            streams: Gauge::default(),
        };
        for method in METHODS {
            let code = name(Code::Ok);
            drop(calls.ended.get_or_create(&Ended { method, code }));
            drop(calls.answered.get_or_create(&Method { method }));
        }
        calls
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "grpc_server_requests",
            "Calls that have ended, by how they ended; those that the caller gave up are Canceled",
            self.ended.clone(),
        );
        registry.register(
            "grpc_server_request_duration_seconds",
            "Time until a call was answered; until it was opened, where the answer is a stream",
            self.answered.clone(),
        );
        registry.register(
            "grpc_server_active_streams",
            "Streams of configuration that are open",
            self.streams.clone(),
        );
    }

    pub(super) fn around(&self, routes: Routes) -> Routes {
        let counted = middleware::from_fn_with_state(self.clone(), count);
        routes.into_axum_router().layer(counted).into()
    }
}

async fn count(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let called = request.uri().path().rsplit('/').next();
    let known = METHODS.iter().find(|&&method| Some(method) == called);
    let method = *known.unwrap_or(&"other");
    // Dropped where the caller went away.
    let mut call = Call {
        calls,
        method,
        code: Code::Cancelled,
        streams: false,
    };
    let begun = call.calls.clock.now();
    let response = next.run(request).await;
    call.answered(call.calls.clock.now().since(begun));
    call.heard(response.headers());
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                call.heard(trailers);
            }
            frame
        }))
    })
}

/// A call from its beginning until the last of its answer was sent.
struct Call {
    calls: Calls,
    method: &'static str,
    code: Code,
    streams: bool,
}

impl Call {
    fn answered(&mut self, took: Duration) {
        let method = self.method;
        let times = self.calls.answered.get_or_create(&Method { method });
        times.observe(took.as_secs_f64());
        self.streams = method == STREAM;
        if self.streams {
            self.calls.streams.inc();
        }
    }

    /// The status stands in the trailers, or in the headers of an answer that has nothing else.
    fn heard(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = status.code();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.streams {
            self.calls.streams.dec();
        }
        let (method, code) = (self.method, name(self.code));
        self.calls
            .ended
            .get_or_create(&Ended { method, code })
            .inc();
    }
}

/// As gRPC's libraries for Go call it, whose dashboards go by these names.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
