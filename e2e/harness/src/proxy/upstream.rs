//! The server behind a proxy.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

/// A body on its way back.
pub(crate) type Body = UnsyncBoxBody<Bytes, anyhow::Error>;
/// An answer on its way back.
pub(crate) type Answer = http::Response<Body>;

/// Answers requests: the server itself, or something in front of it.
pub(crate) trait Upstream: Send + Sync + 'static {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<Answer>>;
}

/// Makes an answer of one that is complete.
pub(crate) fn answer(complete: http::Response<Bytes>) -> Answer {
    complete.map(|body| {
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    })
}

/// Sends requests to a server as they came, over connections of its own.
#[derive(Debug)]
pub(crate) struct Forwarder<C> {
    client: Client<C, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
}

impl<C: Clone> Clone for Forwarder<C> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            scheme: self.scheme.clone(),
            authority: self.authority.clone(),
        }
    }
}

impl Forwarder<HttpConnector> {
    /// For a server that speaks plain HTTP.
    pub(crate) fn plain(server: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self::new(&server.parse()?, connector)
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Forwarder<C> {
    /// For a server that `connector` can reach; of the address only scheme, host and port count.
    pub(crate) fn new(server: &Uri, connector: C) -> Result<Self> {
        let parts = server.clone().into_parts();
        let missing = |what| format!("the server's address {server} has no {what}");
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            scheme: parts.scheme.with_context(|| missing("scheme"))?,
            authority: parts.authority.with_context(|| missing("host"))?,
        })
    }

    /// Sends one request and returns the answer with its whole body.
    pub(crate) async fn ask(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        whole(self.send(request).await?).await
    }
}

/// The answer with its whole body.
pub(crate) async fn whole(answer: Answer) -> Result<http::Response<Bytes>> {
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(http::Response::from_parts(head, body))
}

impl<C: Connect + Clone + Send + Sync + 'static> Upstream for Forwarder<C> {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<Answer>> {
        let here = self.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let mut uri = Parts::default();
            uri.scheme = Some(here.scheme);
            uri.authority = Some(here.authority);
            let path = head.uri.path_and_query().cloned();
            uri.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
            head.uri = Uri::from_parts(uri)?;
            // The Host header stays: a signature covers it.
            remove_hop_by_hop(&mut head.headers);

            let request = http::Request::from_parts(head, Full::new(body));
            let mut answer = here.client.request(request).await?;
            remove_hop_by_hop(answer.headers_mut());
            Ok(answer.map(|body| body.map_err(anyhow::Error::from).boxed_unsync()))
        })
    }
}

/// RFC 9110, section 7.6.1: what is meant for one connection only.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in named.into_iter().chain(always) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-mine"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("host", "bucket.example"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["host"]);
    }
}
