//! TLS before a server that speaks none, with a certificate of an authority of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A server of TLS on a free port, of 127.0.0.1 unless it is told otherwise, until it is dropped; what comes is handed on
/// decrypted.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    authority: String,
    // Aborts its connections when dropped.
    _serving: JoinSet<()>,
}

impl TlsFront {
    /// A front of `server` that is called `127.0.0.1` and by these names.
    ///
    /// # Errors
    /// When a name is none, or no port of 127.0.0.1 is free.
    pub async fn of(server: SocketAddr, names: &[&str]) -> Result<Self> {
        Self::at(Ipv4Addr::LOCALHOST.into(), server, names).await
    }

    /// The same on a port of this address, which must be one of a network that the test made, and is its name, too.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub async fn at(address: IpAddr, server: SocketAddr, names: &[&str]) -> Result<Self> {
        let (config, authority) = certified(address, names)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _)) = accepted {
                            connections.spawn(serve(stream, acceptor.clone(), server));
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self {
            address,
            authority,
            _serving: serving,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients reach it, `https://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its authority (PEM).
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

async fn serve(client: TcpStream, acceptor: TlsAcceptor, server: SocketAddr) {
    let lead = async {
        let mut client = acceptor.accept(client).await?;
        let mut server = TcpStream::connect(server).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    // A client that does not trust us, or a side that closes early: that is all there is to say.
    let _ = lead.await;
}

/// A server's configuration, and its authority's certificate.
fn certified(address: IpAddr, names: &[&str]) -> Result<(ServerConfig, String)> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "an authority of our own");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let names = names.iter().copied().map(String::from);
    let key = KeyPair::generate()?;
    let names: Vec<String> = names.chain([address.to_string()]).collect();
    let certificate = CertificateParams::new(names)?;
    let certificate = certificate.signed_by(&key, &issuer)?;
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate does not fit the key")?;
    Ok((config, pem))
}
