//! What every test here starts from: an authority, the certificate of the replicas and that of a gateway.

use std::{fs, sync::Arc};

use harness::wait::{PATIENCE, until};
use operator_core::{
    cluster::election::Leadership,
    decide::clock::Clock,
    engines::fanout::replicas::Dialling,
    process::{
        certs::{Certificates, ClientCertificates, MountedFiles},
        http::{self, Listening},
    },
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose as Purpose, IsCa, Issuer, KeyPair,
};
use rustls::{
    ServerConfig, SignatureScheme, client::ResolvesClientCert, pki_types::ServerName,
    sign::CertifiedKey,
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

/// What replicas call each other.
pub const NAME: &str = "operator.system.svc";

/// An authority, and who it vouches for.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    pub async fn replica(&self, clock: &Clock) -> Holder {
        let purposes = [Purpose::ServerAuth, Purpose::ClientAuth];
        self.holder(NAME, &purposes, clock).await
    }

    /// A gateway as the operator issues certificates for them.
    pub async fn gateway(&self, clock: &Clock) -> Holder {
        self.holder("gateway.shop.svc", &[Purpose::ClientAuth], clock)
            .await
    }

    pub async fn holder(&self, name: &str, purposes: &[Purpose], clock: &Clock) -> Holder {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = purposes.to_vec();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let files = MountedFiles {
            certificate: file("tls.crt", certificate.pem()),
            key: file("tls.key", key.serialize_pem()),
            authorities: Some(file("ca.crt", self.pem.clone())),
        };
        Holder::new(files, folder, clock).await
    }
}

/// Who holds a certificate of an authority.
pub struct Holder {
    pub certificates: Certificates,
    _folder: TempDir,
    _stop: watch::Sender<bool>,
    upkeep: JoinHandle<()>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl Holder {
    async fn new(files: MountedFiles, folder: TempDir, clock: &Clock) -> Self {
        let (certificates, upkeep) = Certificates::mounted(files, clock.clone());
        let (stop, stopped) = watch::channel(false);
        let upkeep = tokio::spawn(upkeep.run(Leadership::always(clock.clone()), stopped));
        until("the certificate", PATIENCE, || async {
            certificates.check()
        })
        .await
        .unwrap();
        Self {
            certificates,
            _folder: folder,
            _stop: stop,
            upkeep,
        }
    }

    pub fn server(&self, clients: ClientCertificates) -> Arc<ServerConfig> {
        self.certificates.server_config(clients, &[b"h2"])
    }

    pub fn dialling(&self) -> Dialling {
        Dialling {
            tls: self.certificates.client_config(&[b"h2"]),
            server_name: ServerName::try_from(NAME).unwrap(),
        }
    }

    /// As somebody who verifies the server and shows nothing.
    pub fn dialling_without_certificate(&self) -> Dialling {
        let mut dialling = self.dialling();
        let mut tls = Arc::unwrap_or_clone(dialling.tls);
        tls.client_auth_cert_resolver = Arc::new(Nothing);
        dialling.tls = Arc::new(tls);
        dialling
    }
}

/// Shows no certificate.
#[derive(Debug)]
struct Nothing;

impl ResolvesClientCert for Nothing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// A free port of this machine.
pub async fn listen() -> Listening {
    let address = "127.0.0.1:0".parse().unwrap();
    http::bind("A_TEST", &address).await.unwrap()
}
