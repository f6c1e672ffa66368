//! Peers of an operator over real connections: an echo server with its certificates, and clients that hold
//! what a gateway would hold.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use harness::wait::PATIENCE;
use operator_core::{
    decide::clock::Clock,
    process::certs::{Certificates, ClientCertificates},
};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::stage::{NAME, Replica, SECRET, Stage};

type Values = BTreeMap<String, String>;

/// Sends back what it gets, over TLS.
pub struct Echo {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Echo {
    pub async fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(config);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that is refused is seen by the client.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let (mut reader, mut writer) = tokio::io::split(stream);
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                });
            }
        });
        Self { address, task }
    }

    pub async fn of(certificates: &Certificates, clients: ClientCertificates) -> Self {
        Self::start(certificates.server_config(clients, &[b"h2"])).await
    }
}

/// The end of a client.
pub struct Connection(pub TlsStream<TcpStream>);

impl Connection {
    /// Connects and exchanges a word: in TLS 1.3 a client hears with the first answer that it is refused.
    pub async fn open(config: Arc<ClientConfig>, echo: &Echo) -> Result<Self, std::io::Error> {
        let opened = async {
            let stream = TcpStream::connect(echo.address).await?;
            let name = ServerName::try_from(NAME).unwrap();
            let stream = TlsConnector::from(config).connect(name, stream).await?;
            let mut connection = Self(stream);
            connection.echo("hello").await?;
            Ok(connection)
        };
        tokio::time::timeout(PATIENCE, opened)
            .await
            .expect("a handshake ends")
    }

    pub async fn echo(&mut self, word: &str) -> Result<(), std::io::Error> {
        self.0.write_all(word.as_bytes()).await?;
        self.0.flush().await?;
        let mut answer = vec![0; word.len()];
        self.0.read_exact(&mut answer).await?;
        assert_eq!(answer, word.as_bytes());
        Ok(())
    }

    pub fn shown(&self) -> CertificateDer<'static> {
        let shown = self.0.get_ref().1.peer_certificates();
        shown.unwrap()[0].clone().into_owned()
    }
}

#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.0.wall().as_second() as u64;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// A client that trusts `ca.crt` and, if it shows one, shows `tls.crt`.
pub fn client(
    clock: &Clock,
    trusted: &Values,
    shown: Option<&Values>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(trusted["ca.crt"].as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Time(clock.clone())))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        Some(shown) => {
            let chain = CertificateDer::pem_slice_iter(shown["tls.crt"].as_bytes());
            let key = PrivateKeyDer::from_pem_slice(shown["tls.key"].as_bytes()).unwrap();
            builder
                .with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key)
                .unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A gateway that holds the operator's Secret.
pub fn gateway(clock: &Clock, held: &Values) -> Arc<ClientConfig> {
    client(clock, held, Some(held), BOTH)
}

/// Whether a gateway that holds `held` can connect.
pub async fn connects(clock: &Clock, held: &Values, certificates: &Certificates) -> bool {
    let echo = Echo::of(certificates, ClientCertificates::Required).await;
    Connection::open(gateway(clock, held), &echo).await.is_ok()
}

pub async fn accepts(clock: &Clock, held: &Values, certificates: &Certificates) {
    let echo = Echo::of(certificates, ClientCertificates::Required).await;
    Connection::open(gateway(clock, held), &echo).await.unwrap();
}

async fn ready() -> (Stage, Replica, Values) {
    let stage = Stage::new().await;
    let replica = stage.leader();
    replica.ready().await;
    let held = stage.values(SECRET).await;
    (stage, replica, held)
}

#[tokio::test]
async fn a_required_client_certificate_is_required_and_verified() {
    let (stage, replica, held) = ready().await;
    let other_stage = Stage::new().await;
    let other = other_stage.leader();
    other.ready().await;
    let foreign = other_stage.values(SECRET).await;
    let clock = &stage.clock;
    let required = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    let optional = Echo::of(&replica.certificates, ClientCertificates::Optional).await;
    for versions in [&BOTH[..1], &BOTH[1..]] {
        let own = client(clock, &held, Some(&held), versions);
        let none = client(clock, &held, None, versions);
        let strange = client(clock, &held, Some(&foreign), versions);
        let with_own = Connection::open(own.clone(), &required).await.unwrap();
        let (_, session) = with_own.0.get_ref();
        assert_eq!(session.protocol_version(), Some(versions[0].version));
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        Connection::open(none.clone(), &required)
            .await
            .err()
            .expect("refused without");
        Connection::open(strange.clone(), &required)
            .await
            .err()
            .expect("refused");
        Connection::open(none, &optional).await.unwrap();
        Connection::open(own, &optional).await.unwrap();
        Connection::open(strange, &optional)
            .await
            .err()
            .expect("verified if shown");
    }
    let mistaken = client(clock, &foreign, Some(&held), BOTH);
    Connection::open(mistaken, &required)
        .await
        .err()
        .expect("not our authority");
}

#[tokio::test]
async fn no_handshake_resumes_an_earlier_one() {
    let (stage, replica, held) = ready().await;
    let echo = Echo::of(&replica.certificates, ClientCertificates::Required).await;
    for versions in [&BOTH[..1], &BOTH[1..]] {
        let config = client(&stage.clock, &held, Some(&held), versions);
        for _ in 0..3 {
            let mut connection = Connection::open(config.clone(), &echo).await.unwrap();
            connection
                .echo("so that a ticket would have come")
                .await
                .unwrap();
            let (_, session) = connection.0.get_ref();
            assert_ne!(session.handshake_kind(), Some(HandshakeKind::Resumed));
        }
    }
}

#[tokio::test]
async fn replicas_trust_each_other_and_no_stranger() {
    let (stage, leader, held) = ready().await;
    let follower = stage.follower();
    follower.ready().await;
    let leading = Echo::of(&leader.certificates, ClientCertificates::Required).await;
    let config = follower.certificates.client_config(&[b"h2"]);
    let connection = Connection::open(config.clone(), &leading).await.unwrap();
    let own = CertificateDer::from_pem_slice(held["tls.crt"].as_bytes()).unwrap();
    assert_eq!(connection.shown(), own);
    assert_eq!(connection.0.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let strange_stage = Stage::new().await;
    let strange = strange_stage.leader();
    strange.ready().await;
    let server = Echo::of(&strange.certificates, ClientCertificates::Optional).await;
    Connection::open(config, &server)
        .await
        .err()
        .expect("another authority");
}

#[tokio::test]
async fn before_there_is_a_certificate_handshakes_fail_and_then_they_work() {
    let stage = Stage::new().await;
    let follower = stage.follower();
    let echo = Echo::of(&follower.certificates, ClientCertificates::Required).await;
    let config = follower.certificates.client_config(&[b"h2"]);
    Connection::open(config.clone(), &echo)
        .await
        .err()
        .expect("nothing is there yet");
    let leader = stage.leader();
    leader.ready().await;
    follower.ready().await;
    Connection::open(config, &echo).await.unwrap();
}
