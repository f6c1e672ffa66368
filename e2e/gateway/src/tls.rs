//! TLS towards the operator, by the gateway's own clock.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use operator_core::decide::clock::Clock;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::options::Tls;

/// Knows whom to trust, and who the gateway is.
pub(crate) struct Handshake {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl Handshake {
    /// With the files as they are now, towards an operator with a certificate for `host`.
    pub(crate) fn new(tls: &Tls, host: &str, clock: &Clock) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in certificates(&tls.ca_file)? {
            roots.add(root)?;
        }
        let builder = ClientConfig::builder_with_details(
            Arc::new(aws_lc_rs::default_provider()),
            Arc::new(Time(clock.clone())),
        );
        let builder = builder
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let key = PrivateKeyDer::from_pem_slice(&read(&files.key_file)?)
                    .with_context(|| format!("no key: {}", files.key_file.display()))?;
                builder.with_client_auth_cert(certificates(&files.cert_file)?, key)?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            host: ServerName::try_from(host.to_owned())?,
        })
    }

    pub(crate) async fn shake(self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.host, socket).await
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found.with_context(|| format!("no certificates: {}", file.display()))
}

#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.wall().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
