//! TLS towards the operator: names, roots and certificates, read anew at every connect.

mod operator;

use std::fs;
use std::path::{Path, PathBuf};

use gateway::{Event, Gateway, Identity, Options, Tls};
use operator::{Operator, PATIENCE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Identity as ServerIdentity, ServerTlsConfig};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(&self, name: &str) -> ServerTlsConfig {
        let (certificate, key) = self.issue(name);
        ServerTlsConfig::new().identity(ServerIdentity::from_pem(certificate, key))
    }
}

fn file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, content).unwrap();
    file
}

fn options(operator: &Operator, ca_file: PathBuf, identity: Option<Identity>) -> Options {
    Options {
        tls: Some(Tls { ca_file, identity }),
        ..operator.options()
    }
}

/// The first failure to register.
async fn failure(gateway: &Gateway) -> String {
    let first = |gateway: &Gateway| {
        let failure = |event: Event| match event {
            Event::RegistrationFailed { error } => Some(error),
            _ => None,
        };
        gateway
            .events()
            .into_iter()
            .find_map(|it| failure(it.event))
    };
    let failed = gateway.wait_for("a failure", PATIENCE, |_| first(gateway).is_some());
    failed.await.unwrap();
    first(gateway).unwrap()
}

#[tokio::test]
async fn the_roots_are_read_at_every_connect() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let operator = Operator::serving(Some(ours.server("127.0.0.1"))).await;
    let ca_file = file(folder.path(), "ca.pem", &other.pem());
    let gateway = Gateway::start(options(&operator, ca_file, None))
        .await
        .unwrap();
    failure(&gateway).await;
    // Both, as across a rotation.
    file(folder.path(), "ca.pem", &(other.pem() + &ours.pem()));
    operator.stream().await;
    assert!(gateway.violations().is_empty());
}

#[tokio::test]
async fn the_certificate_must_carry_the_dialled_host() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    let operator = Operator::serving(Some(ours.server("operator.test"))).await;
    let ca_file = file(folder.path(), "ca.pem", &ours.pem());
    let by_address = options(&operator, ca_file.clone(), None);
    let gateway = Gateway::start(by_address).await.unwrap();
    failure(&gateway).await;
    assert_eq!(gateway.state().counts.registrations, 0);

    let by_name = Options {
        operator: format!("operator.test:{}", operator.address.port()),
        resolve: [("operator.test".to_owned(), operator.address)].into(),
        ..options(&operator, ca_file, None)
    };
    let _gateway = Gateway::start(by_name).await.unwrap();
    operator.stream().await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    let root = Certificate::from_pem(ours.pem());
    let operator = Operator::serving(Some(ours.server("127.0.0.1").client_ca_root(root))).await;
    let ca_file = file(folder.path(), "ca.pem", &ours.pem());
    let without = options(&operator, ca_file.clone(), None);
    let without = Gateway::start(without).await.unwrap();
    failure(&without).await;

    let (certificate, key) = ours.issue("gateway-0");
    let identity = Identity {
        cert_file: file(folder.path(), "tls.crt", &certificate),
        key_file: file(folder.path(), "tls.key", &key),
    };
    let with = options(&operator, ca_file, Some(identity));
    let with = Gateway::start(with).await.unwrap();
    operator.stream().await;
    assert_eq!(with.state().counts.registrations, 1);
    assert_eq!(without.state().counts.registrations, 0);
}
