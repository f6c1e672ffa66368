//! The two ends of a TLS handshake: each looks up what is in force at that moment, so that a rotation needs
//! no new listener and touches no connection.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
    client::{
        ResolvesClientCert, Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use tokio::sync::watch;

use super::{ClientCertificates, material::Material};
use crate::decide::clock::Clock;

/// What is in force, once there is anything.
pub(super) type Current = watch::Receiver<Option<Arc<Material>>>;

/// Builds configurations of TLS that follow what is in force.
pub(super) struct Handshakes {
    pub current: Current,
    pub clock: Clock,
    pub provider: Arc<CryptoProvider>,
}

impl Handshakes {
    /// A resumed session would skip the verification of the client, and show the server's certificate of
    /// yesterday: there is no resumption on either side.
    pub(super) fn server(&self, clients: ClientCertificates, alpn: &[&[u8]]) -> ServerConfig {
        let verifier = Arc::new(Clients {
            look: self.look(),
            asked: clients,
        });
        let builder =
            ServerConfig::builder_with_details(self.provider.clone(), Arc::new(self.time()));
        let mut config = builder
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites for both versions")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(self.look()));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config
    }

    pub(super) fn client(&self, alpn: &[&[u8]]) -> ClientConfig {
        let builder =
            ClientConfig::builder_with_details(self.provider.clone(), Arc::new(self.time()));
        let mut config = builder
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.look()))
            .with_client_cert_resolver(Arc::new(self.look()));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::disabled();
        config
    }

    fn look(&self) -> Look {
        Look {
            current: self.current.clone(),
            provider: self.provider.clone(),
        }
    }

    fn time(&self) -> Time {
        Time(self.clock.clone())
    }
}

/// Looks up what is in force.
#[derive(Clone)]
struct Look {
    current: Current,
    provider: Arc<CryptoProvider>,
}

impl Look {
    fn own(&self) -> Option<Arc<CertifiedKey>> {
        Some(self.current.borrow().as_ref()?.own.clone())
    }

    fn servers(&self) -> Option<Arc<WebPkiServerVerifier>> {
        Some(self.current.borrow().as_ref()?.servers.clone())
    }

    fn clients(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        Some(self.current.borrow().as_ref()?.clients.clone())
    }

    fn tls12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn tls13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

fn nobody_is_trusted_yet() -> Error {
    CertificateError::UnknownIssuer.into()
}

impl ResolvesServerCert for Look {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.own()
    }
}

impl ResolvesClientCert for Look {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.own()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let servers = self.servers().ok_or_else(nobody_is_trusted_yet)?;
        servers.verify_server_cert(end_entity, intermediates, server_name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

/// Verifies clients.
#[derive(Debug)]
struct Clients {
    look: Look,
    asked: ClientCertificates,
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.asked != ClientCertificates::Unasked
    }

    fn client_auth_mandatory(&self) -> bool {
        self.asked == ClientCertificates::Required
    }

    /// None: they are borrowed from a verifier that may be replaced, and without them a client offers what
    /// it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let clients = self.look.clients().ok_or_else(nobody_is_trusted_yet)?;
        clients.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.look.tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.look.tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.look.schemes()
    }
}

/// The operator's clock, as TLS reads it.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.wall().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}
