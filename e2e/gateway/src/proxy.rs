//! The data plane: HTTP/1.1 by the routes and backends in force.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::apply::InForce;
use crate::backends::Lent;
use crate::forward::{self, plain};
use crate::link;
use crate::matching::{Matched, Subject};
use crate::router::Entry;
use crate::shared::Shared;
use crate::spec::route::Destination;

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// Serves until dropped, and its connections with it; without a listener there is nothing to do.
pub(crate) async fn serve(listener: Option<TcpListener>, shared: &Shared) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let plane = Arc::new(DataPlane {
        in_force: shared.in_force.clone(),
        resolve: shared.options.resolve.clone(),
        client: Client::builder(TokioExecutor::new()).build(connector),
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone again, or no free descriptor for a moment: the next one may
                // do.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, plane.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, plane: Arc<DataPlane>) {
    // Small answers must not wait for an acknowledgement; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let plane = plane.clone();
        async move { Ok::<_, Infallible>(plane.answer(request).await) }
    });
    // Fails when the client closes early, which is its own affair.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct DataPlane {
    in_force: Arc<InForce>,
    resolve: BTreeMap<String, SocketAddr>,
    client: Client<HttpConnector, Incoming>,
}

impl DataPlane {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let subject = Subject {
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
        };
        match self.in_force.router.find(&subject) {
            None => whole(plain(404, "no route matches\n")),
            Some((entry, matched)) => self.by_route(&entry, matched, request).await,
        }
    }

    async fn by_route(
        &self,
        entry: &Entry,
        matched: Matched,
        request: Request<Incoming>,
    ) -> Answer {
        let route = entry.route();
        let mut answer = if let Some(redirect) = &route.redirect {
            let asked = asked(request.uri());
            let host = request.headers().get(header::HOST);
            let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
            whole(forward::redirect(redirect, &asked, host))
        } else if let Some(direct) = &route.direct_response {
            whole(forward::direct(direct))
        } else {
            let forwarding = self.forward(entry, matched, request);
            match route.timeout.positive() {
                None => forwarding.await,
                Some(most) => match timeout(most, forwarding).await {
                    Ok(answer) => answer,
                    Err(_) => whole(plain(504, "the route's timeout has passed\n")),
                },
            }
        };
        forward::change(answer.headers_mut(), &route.headers.response);
        answer
    }

    async fn forward(&self, entry: &Entry, by: Matched, mut request: Request<Incoming>) -> Answer {
        let route = entry.route();
        let weights: Vec<i64> = route.route.iter().map(|to| to.weight).collect();
        let Some(chosen) = entry.turns.next(&weights) else {
            return whole(plain(503, "the route has no destination\n"));
        };
        let (address, lent) = match self.resolve(&route.route[chosen].destination) {
            Ok(found) => found,
            Err(refusal) => return whole(*refusal),
        };
        let rewrite = route.rewrite.as_ref();
        let target = forward::target(&asked(request.uri()), rewrite, by);
        let uri = address.parse::<Authority>().ok().and_then(|authority| {
            let scheme = Scheme::HTTP;
            let builder = Uri::builder().scheme(scheme).authority(authority);
            builder.path_and_query(target).build().ok()
        });
        let Some(uri) = uri else {
            return whole(plain(502, format!("no address: {address:?}\n")));
        };
        *request.uri_mut() = uri;
        *request.version_mut() = http::Version::HTTP_11;
        let headers = request.headers_mut();
        forward::remove_hop_by_hop(headers);
        forward::change(headers, &route.headers.request);
        let authority = rewrite.map(|it| it.authority.as_str()).unwrap_or_default();
        if let Ok(host) = authority.parse()
            && !authority.is_empty()
        {
            headers.insert(header::HOST, host);
        }
        match self.client.request(request).await {
            Err(e) => whole(plain(502, format!("{address} does not answer: {e}\n"))),
            Ok(mut answer) => {
                forward::remove_hop_by_hop(answer.headers_mut());
                answer.map(|body| {
                    // The host stays busy until the last byte has passed.
                    body.map_frame(move |frame| {
                        let _busy = &lent;
                        frame
                    })
                    .boxed_unsync()
                })
            }
        }
    }

    /// Where a destination is: a backend by name, by one of its hosts, or what it says itself.
    fn resolve(&self, to: &Destination) -> Result<(String, Option<Lent>), Box<Response<Bytes>>> {
        let port = |port: i64| u16::try_from(port).unwrap_or_default();
        let Some(backend) = self.in_force.backends.find(&to.host, to.port) else {
            return Ok((link::target(&to.host, port(to.port), &self.resolve), None));
        };
        let name = &backend.backend().name;
        if backend
            .backend()
            .tls
            .as_ref()
            .is_some_and(|tls| tls.enabled)
        {
            let text = format!("backend {name:?}: this gateway speaks no TLS to backends\n");
            return Err(Box::new(plain(502, text)));
        }
        let Some(lent) = backend.next() else {
            let text = format!("backend {name:?} has no host\n");
            return Err(Box::new(plain(503, text)));
        };
        let host = lent.host();
        let address = link::target(&host.address, port(host.port), &self.resolve);
        Ok((address, Some(lent)))
    }
}

fn asked(uri: &Uri) -> PathAndQuery {
    let given = uri.path_and_query().cloned();
    given.unwrap_or(PathAndQuery::from_static("/"))
}

fn whole(answer: Response<Bytes>) -> Answer {
    answer.map(|body| {
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    })
}
