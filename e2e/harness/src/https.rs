//! One request over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::wait::PATIENCE;

/// GET `path` of the server at `address`, which must show a certificate of `authorities` (PEM) for that address;
/// with a bearer token, if there is one. Gives the status and the body.
///
/// # Errors
/// When there is no such server, or it does not answer within a minute.
pub async fn get(
    address: SocketAddr,
    authorities: &[u8],
    token: Option<&str>,
    path: &str,
) -> Result<(u16, String)> {
    let shown = ServerName::from(address.ip());
    get_of(shown, address, authorities, token, path).await
}

/// The same of a server that must show a certificate for this name.
///
/// # Errors
/// As [`get`].
pub async fn get_named(
    name: &str,
    address: SocketAddr,
    authorities: &[u8],
    token: Option<&str>,
    path: &str,
) -> Result<(u16, String)> {
    let shown = ServerName::try_from(name.to_owned())?;
    get_of(shown, address, authorities, token, path).await
}

async fn get_of(
    shown: ServerName<'static>,
    address: SocketAddr,
    authorities: &[u8],
    token: Option<&str>,
    path: &str,
) -> Result<(u16, String)> {
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(trusting(authorities)?));
        let mut stream = connector.connect(shown, stream).await?;
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{}\r\n",
            authorization.unwrap_or_default()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of headers")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        anyhow::Ok((status, body.to_owned()))
    };
    timeout(PATIENCE, exchange).await.context("no answer")?
}

fn trusting(authorities: &[u8]) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities) {
        roots.add(authority?)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
