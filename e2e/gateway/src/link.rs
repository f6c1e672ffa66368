//! The connection to the operator: dialled anew each time, with the files as they are then, and
//! breakable at will.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use std::{io, mem};

use anyhow::{Context, Result};
use apigw_protocol::configuration_service_client::ConfigurationServiceClient;
use http::Uri;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};

use crate::options::Options;
use crate::tls::Handshake;

/// What the gateway calls the operator by.
pub(crate) type Client = ConfigurationServiceClient<Channel>;

/// One connection. It breaks when its last clone is dropped.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    wire: Arc<Wire>,
}

impl Link {
    /// Dials the operator.
    pub(crate) async fn dial(options: &Options) -> Result<Self> {
        let (host, port) = split(&options.operator)?;
        let handshake = options
            .tls
            .as_ref()
            .map(|tls| Handshake::new(tls, host, &options.clock))
            .transpose()?;
        let scheme = if handshake.is_some() { "https" } else { "http" };
        let keep_alive = options.keep_alive;
        // The connector has TLS of its own, and tonic none: it is to know of it in requests alone.
        let endpoint = Endpoint::from_shared(format!("http://{}", options.operator))?
            .origin(format!("{scheme}://{}", options.operator).parse()?)
            .http2_keep_alive_interval(keep_alive.interval)
            .keep_alive_timeout(keep_alive.timeout)
            .keep_alive_while_idle(true);
        let wire = Arc::new(Wire::default());
        let connector = Connector {
            dial: Some((target(host, port, &options.resolve), handshake)),
            wire: wire.clone(),
        };
        let channel = endpoint.connect_with_connector(connector).await?;
        let client = Client::new(channel);
        Ok(Self { client, wire })
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Breaks the connection without a word, whatever is under way.
    pub(crate) fn cut(&self) {
        self.wire.cut();
    }
}

/// The host and port of `host:port`; an IPv6 address stands in brackets.
fn split(address: &str) -> Result<(&str, u16)> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host, port.parse().ok()?)).filter(|_| !host.is_empty())
    });
    parts.with_context(|| format!("the operator's address must be host:port, not {address:?}"))
}

/// Where a name is really to be found.
pub(crate) fn target(host: &str, port: u16, resolve: &BTreeMap<String, SocketAddr>) -> String {
    let known = resolve.get(&format!("{host}:{port}"));
    match known.or_else(|| resolve.get(host)) {
        Some(address) => address.to_string(),
        None if host.contains(':') => format!("[{host}]:{port}"),
        None => format!("{host}:{port}"),
    }
}

/// Dials once: a channel that dialled again by itself would hide that the session is over.
struct Connector {
    dial: Option<(String, Option<Handshake>)>,
    wire: Arc<Wire>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Waker<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = mem::take(&mut self.dial);
        let wire = self.wire.clone();
        Box::pin(async move {
            let gone = || io::Error::new(io::ErrorKind::NotConnected, "the connection is over");
            let (address, handshake) = dial.ok_or_else(gone)?;
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let (near, far) = tokio::io::duplex(BUFFER);
            let pump = match handshake {
                None => tokio::spawn(pump(far, socket)),
                Some(handshake) => tokio::spawn(pump(far, handshake.shake(socket).await?)),
            };
            wire.hold(pump.abort_handle());
            Ok(TokioIo::new(near))
        })
    }
}

/// Carries bytes both ways; either side's end or error is seen by both.
async fn pump(mut near: DuplexStream, mut far: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

const BUFFER: usize = 64 << 10;

/// The task that carries the bytes: aborting it cuts the connection on both sides at once.
#[derive(Default)]
struct Wire(Mutex<Option<AbortHandle>>);

impl Wire {
    fn hold(&self, pump: AbortHandle) {
        *self.0.lock() = Some(pump);
    }

    fn cut(&self) {
        if let Some(pump) = self.0.lock().take() {
            pump.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(split("a.svc:9444").unwrap(), ("a.svc", 9444));
        assert_eq!(split("[::1]:9444").unwrap(), ("::1", 9444));
        for wrong in ["a", ":1", "a:b"] {
            let error = split(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn names_are_resolved_with_their_port_first() {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let resolve = [("a".to_owned(), local(1)), ("a:80".to_owned(), local(2))].into();
        assert_eq!(target("a", 80, &resolve), "127.0.0.1:2");
        assert_eq!(target("a", 81, &resolve), "127.0.0.1:1");
        assert_eq!(target("b", 81, &resolve), "b:81");
        assert_eq!(target("::1", 81, &resolve), "[::1]:81");
    }
}
