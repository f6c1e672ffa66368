//! The way of one request through the proxy.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Action, Answer, Call, Outcome, Point, Shared, Verdict, answer};

/// More than any object of a cluster or any configuration of a bucket.
const LARGEST_REQUEST: usize = 16 << 20;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Aborts its connections when the proxy is dropped, and with it this future.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone again, or no free descriptor for a moment: the next one may
                // do.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, shared.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for an acknowledgement; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(request, shared.clone()));
    // Fails when either side closes early or a rule says so: both are on record.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An error closes the client's connection without an answer.
async fn handle(request: http::Request<Incoming>, shared: Arc<Shared>) -> Result<Answer> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_REQUEST).collect().await else {
        return Ok(too_large());
    };
    let request = http::Request::from_parts(head, body.to_bytes());

    let call = shared.log.add((shared.classify)(&request), &request);
    let settle = Settle {
        shared: shared.clone(),
        call,
        otherwise: Some(Outcome::LeftBefore),
    };
    settle.run(request).await
}

/// Puts the outcome on record, also when the client leaves and this future is dropped.
struct Settle {
    shared: Arc<Shared>,
    call: Arc<Call>,
    otherwise: Option<Outcome>,
}

impl Settle {
    async fn run(mut self, request: http::Request<Bytes>) -> Result<Answer> {
        let shared = self.shared.clone();
        let call = self.call.clone();

        if shared.rules.hook(Point::Before, &call).await == Verdict::Cut {
            return self.cut(Outcome::CutBefore);
        }
        let action = shared.rules.action_for(&call);
        match &action {
            Action::Delay(time) => tokio::time::sleep(*time).await,
            Action::Hold(Point::Before, gate) => gate.pass().await,
            Action::CutAt(Point::Before, gate) => {
                gate.pass().await;
                return self.cut(Outcome::CutBefore);
            }
            Action::Answer(response) => {
                self.settle(Outcome::Refused(response.status()));
                return Ok(answer(response.clone()));
            }
            Action::DropBefore => return self.cut(Outcome::CutBefore),
            Action::DropEarly(gate) => {
                let gate = gate.clone();
                tokio::spawn(async move {
                    gate.pass().await;
                    shared.upstream.send(request).await
                });
                return self.cut(Outcome::CutEarly);
            }
            Action::Pass
            | Action::Hold(Point::After, _)
            | Action::CutAt(Point::After, _)
            | Action::DropAfter
            | Action::CutBody(_) => {}
        }

        self.otherwise = Some(Outcome::LeftAfter);
        let sent = request.body().len() as u64;
        // A task of its own: what is sent is sent, even if the client leaves now.
        let forwarded = tokio::spawn(shared.upstream.send(request)).await;
        let upstream = match forwarded.context("the upstream panicked").flatten() {
            Ok(upstream) => upstream,
            Err(e) => return self.cut(Outcome::Failed(format!("{e:#}"))),
        };
        let status = upstream.status();

        if shared.rules.hook(Point::After, &call).await == Verdict::Cut {
            return self.cut(Outcome::CutAfter(status));
        }
        let limit = match action {
            Action::Hold(Point::After, gate) => {
                gate.pass().await;
                None
            }
            Action::CutAt(Point::After, gate) => {
                gate.pass().await;
                return self.cut(Outcome::CutAfter(status));
            }
            Action::DropAfter => return self.cut(Outcome::CutAfter(status)),
            Action::CutBody(limit) => Some(limit),
            _ => None,
        };
        // In this order: a watch that is on record as answered can be cut.
        let answer = upstream.map(|body| {
            let counted = shared.meter.pass(&call, sent, status, body);
            shared.watches.pass(&call, counted, limit)
        });
        self.settle(match limit {
            Some(_) => Outcome::CutAfter(status),
            None => Outcome::Answered(status),
        });
        Ok(answer)
    }

    fn cut(&mut self, outcome: Outcome) -> Result<Answer> {
        self.settle(outcome);
        bail!("the connection is cut here")
    }

    fn settle(&mut self, outcome: Outcome) {
        self.otherwise = None;
        self.shared.log.settle(self.call.seq, outcome);
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if let Some(outcome) = self.otherwise.take() {
            self.shared.log.settle(self.call.seq, outcome);
        }
    }
}

fn too_large() -> Answer {
    let text = format!("the proxy takes requests of at most {LARGEST_REQUEST} bytes\n");
    let mut refusal = http::Response::new(Bytes::from(text));
    *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    answer(refusal)
}
