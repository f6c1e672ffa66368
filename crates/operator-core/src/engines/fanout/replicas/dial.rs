//! Connecting to another replica.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    codegen::Service,
    transport::{Channel, Endpoint, Error},
};

/// How often the other side is asked whether it lives.
const PING: Duration = Duration::from_secs(10);
/// How long it may take to say so.
const PONG: Duration = Duration::from_secs(10);
/// How long a connection and its handshake may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How other replicas are dialled.
#[derive(Clone)]
pub struct Dialling {
    /// Shows our certificate and verifies theirs; must offer the protocol `h2`.
    pub tls: Arc<ClientConfig>,
    /// The name that their certificate must be for, whatever the address is.
    pub server_name: ServerName<'static>,
}

/// Connects to `address`, `host:port`. The channel ends with a connection that does not answer for 20 s.
///
/// # Errors
/// When the address is none, or there is no connection or no handshake within 10 s.
pub async fn dial(address: &str, dialling: &Dialling) -> Result<Channel, Error> {
    // Not https: the channel would then want to do TLS itself.
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .keep_alive_while_idle(true);
    let connector = Connector {
        address: address.into(),
        tls: dialling.tls.clone().into(),
        server_name: dialling.server_name.clone(),
    };
    endpoint.connect_with_connector(connector).await
}

struct Connector {
    address: Arc<str>,
    tls: TlsConnector,
    server_name: ServerName<'static>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (address, tls) = (self.address.clone(), self.tls.clone());
        let server_name = self.server_name.clone();
        Box::pin(async move {
            let socket = TcpStream::connect(address.as_ref()).await?;
            socket.set_nodelay(true)?;
            Ok(TokioIo::new(tls.connect(server_name, socket).await?))
        })
    }
}
