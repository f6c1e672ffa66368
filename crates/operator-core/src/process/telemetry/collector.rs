//! A collector that is reached over TLS, by the provider that all TLS of the process is done with.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower_service::Service;

/// How long a connection and its handshake may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The port where an endpoint names none, as for https everywhere.
const PORT: u16 = 443;

/// A collector cannot be reached over TLS.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The file of authorities cannot be read.
    #[error("the authorities in {} cannot be read: {reason}", file.display())]
    Bundle {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: pem::Error,
    },
    /// The file holds what is no authority.
    #[error("{} holds a certificate that cannot be that of an authority: {reason}", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: rustls::Error,
    },
    /// It is no place on the network.
    #[error("https://HOST:PORT is allowed, without user and password")]
    NoPlace,
    /// TLS cannot be done.
    #[error("TLS cannot be done: {0}")]
    Tls(#[from] rustls::Error),
}

/// Connects to the collector once there is something to send. Its certificate is believed where one of the system's
/// authorities has signed it, or one in `bundles` (PEM).
pub(super) fn channel(endpoint: &str, bundles: &[PathBuf]) -> Result<Channel, CollectorError> {
    let connector = Connector::to(endpoint, bundles)?;
    // Not https: the channel would then want to do TLS itself.
    let uri = format!("http://{}:{}", connector.host, connector.port);
    let endpoint = Endpoint::from_shared(uri).map_err(|_| CollectorError::NoPlace)?;
    let origin = format!("https://{}:{}", connector.host, connector.port);
    let origin = origin.parse().map_err(|_| CollectorError::NoPlace)?;
    let endpoint = endpoint.origin(origin).connect_timeout(CONNECT);
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// Whether [`channel`] would be one.
pub(super) fn check(endpoint: &str, bundles: &[PathBuf]) -> Result<(), CollectorError> {
    Connector::to(endpoint, bundles).map(|_| ())
}

struct Connector {
    host: Arc<str>,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Connector {
    fn to(endpoint: &str, bundles: &[PathBuf]) -> Result<Self, CollectorError> {
        let uri = endpoint.parse::<Uri>().ok();
        let authority = uri.as_ref().and_then(Uri::authority);
        let place = authority.filter(|it| !it.as_str().contains('@'));
        let place = place.ok_or(CollectorError::NoPlace)?;
        let host = place.host();
        // An address of IPv6 stands in brackets there, and in none in a certificate.
        let bare = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(bundles)?)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            host: host.into(),
            port: place.port_u16().unwrap_or(PORT),
            name: ServerName::try_from(bare).map_err(|_| CollectorError::NoPlace)?,
            tls: Arc::new(tls).into(),
        })
    }
}

fn roots(bundles: &[PathBuf]) -> Result<RootCertStore, CollectorError> {
    let mut roots = RootCertStore::empty();
    // What the system has and cannot be read is as if it was not there: the handshake tells.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in bundles {
        let unreadable = |reason| CollectorError::Bundle {
            file: file.clone(),
            reason,
        };
        for authority in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
            let added = roots.add(authority.map_err(unreadable)?);
            added.map_err(|reason| CollectorError::Authority {
                file: file.clone(),
                reason,
            })?;
        }
    }
    Ok(roots)
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (host, port) = (self.host.clone(), self.port);
        let (name, tls) = (self.name.clone(), self.tls.clone());
        Box::pin(async move {
            let socket = TcpStream::connect(format!("{host}:{port}")).await?;
            socket.set_nodelay(true)?;
            Ok(TokioIo::new(tls.connect(name, socket).await?))
        })
    }
}
