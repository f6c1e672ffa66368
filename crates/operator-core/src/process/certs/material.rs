//! What a TLS handshake takes: a certificate with its key, and the authorities that are trusted.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    crypto::CryptoProvider,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use super::certificate::Certificate;

/// One state of the certificates, consistent in itself.
#[derive(Debug)]
pub(super) struct Material {
    pub own: Arc<CertifiedKey>,
    /// The own certificate's; empty if it has none.
    pub common_name: String,
    /// When the own certificate expires.
    pub expires: Timestamp,
    /// The trusted authorities (PEM).
    pub trusted: String,
    /// When each trusted authority expires.
    pub authorities: Vec<Timestamp>,
    pub servers: Arc<WebPkiServerVerifier>,
    pub clients: Arc<dyn ClientCertVerifier>,
}

/// Why a state of the certificates is not taken into use. Never holds a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error(
        "the private key cannot be used (PEM; PKCS#8, PKCS#1 or SEC 1; RSA of 2048 bits or more, ECDSA or Ed25519)"
    )]
    Key,
    #[error("the private key is not that of the certificate")]
    Mismatch,
    #[error("no authority can be used to verify others: {0}")]
    Authorities(String),
}

impl Material {
    /// `chain` begins with the own certificate.
    pub(super) fn new(
        authorities: &[Certificate],
        chain: &[Certificate],
        key: &[u8],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Unfit> {
        let expires = chain.first().map(|own| own.validity.until);
        let common_name = chain.first().map(|own| own.common_name.clone());
        let chain = chain.iter().map(|certificate| certificate.der.clone());
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Unfit::Key)?;
        let own = CertifiedKey::from_der(chain.collect(), key, provider);
        let own = own.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Unfit::Mismatch,
            _ => Unfit::Key,
        })?;
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let added = roots.add(authority.der.clone());
            added.map_err(|error| Unfit::Authorities(error.to_string()))?;
        }
        let roots = Arc::new(roots);
        let none =
            |error: rustls::server::VerifierBuilderError| Unfit::Authorities(error.to_string());
        Ok(Self {
            own: Arc::new(own),
            common_name: common_name.unwrap_or_default(),
            expires: expires.ok_or(Unfit::Mismatch)?,
            trusted: authorities.iter().map(|one| one.pem.as_str()).collect(),
            authorities: authorities.iter().map(|one| one.validity.until).collect(),
            servers: WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
                .build()
                .map_err(none)?,
            clients: WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(none)?,
        })
    }
}
