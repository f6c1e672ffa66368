//! Ports that somebody floods.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use harness::{
    https, is_open,
    wait::{PATIENCE, until},
};
use operator_core::{
    decide::clock::Clock,
    process::http::{Checks, Listening, bind, probes},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// As many connections as a port has at once.
const MOST: usize = 256;

struct Port {
    address: SocketAddr,
    clock: Clock,
    certificate: CertifiedKey<rcgen::KeyPair>,
    _stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Port {
    async fn plain() -> Self {
        Self::open(|listening, router, _, clock, stop| {
            tokio::spawn(listening.serve(router, clock, stop))
        })
        .await
    }

    async fn tls() -> Self {
        Self::open(|listening, router, tls, clock, stop| {
            tokio::spawn(listening.serve_tls(tls, router, clock, stop))
        })
        .await
    }

    async fn open(
        serve: impl FnOnce(
            Listening,
            Router,
            Arc<ServerConfig>,
            Clock,
            watch::Receiver<bool>,
        ) -> JoinHandle<()>,
    ) -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let listening = bind("METRICS_BIND_ADDRESS", &loopback).await.unwrap();
        let (address, clock) = (listening.address(), Clock::system());
        let certificate = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let tls = Arc::new(server_config(&certificate));
        let (stop, stopped) = watch::channel(false);
        let router = probes(Checks::default());
        Self {
            address,
            served: serve(listening, router, tls, clock.clone(), stopped),
            clock,
            certificate,
            _stop: stop,
        }
    }

    async fn silent(&self, count: usize) -> Vec<TcpStream> {
        let mut silent = Vec::new();
        for _ in 0..count {
            silent.push(TcpStream::connect(self.address).await.unwrap());
        }
        silent
    }

    async fn answers(&self) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        answered(&mut stream).await;
    }

    async fn answers_over_tls(&self) {
        let authority = self.certificate.cert.pem();
        let answer = https::get(self.address, authority.as_bytes(), None, "/healthz").await;
        assert_eq!(answer.unwrap(), (200, "ok".to_owned()));
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.cert.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config).into()
    }
}

fn server_config(certificate: &CertifiedKey<rcgen::KeyPair>) -> ServerConfig {
    let chain: Vec<CertificateDer<'static>> = vec![certificate.cert.der().clone()];
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key.into())
        .unwrap()
}

/// Asks on a connection that is kept.
async fn answered(stream: &mut TcpStream) {
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let asked = async {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            let mut piece = [0; 512];
            let read = stream.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..read]);
        }
    };
    timeout(PATIENCE, asked).await.expect("an answer");
}

/// Waits until no more than `most` are still open.
async fn bounded<'s>(most: usize, streams: impl Iterator<Item = &'s TcpStream> + Clone) {
    let few = || async {
        let open = streams.clone().filter(|it| is_open(it)).count();
        (open <= most)
            .then_some(())
            .ok_or(format!("{open} are open"))
    };
    until("some to give way", PATIENCE, few).await.unwrap();
}

#[tokio::test]
async fn silent_connections_are_bounded_and_lock_nobody_out() {
    let port = Port::plain().await;
    let mut kept = TcpStream::connect(port.address).await.unwrap();
    answered(&mut kept).await;
    let silent = port.silent(MOST + 100).await;
    port.answers().await;
    bounded(MOST, silent.iter()).await;
    answered(&mut kept).await;
    // The first ones gave way, not whoever came last.
    assert!(!is_open(&silent[0]) && is_open(&silent[MOST + 99]));
}

#[tokio::test]
async fn heads_that_never_end_are_bounded_too() {
    let port = Port::plain().await;
    let mut slow = port.silent(MOST + 50).await;
    for stream in &mut slow {
        // The first ones have given way by now.
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHo").await;
    }
    port.answers().await;
    bounded(MOST, slow.iter()).await;
    assert!(!is_open(&slow[0]) && is_open(&slow[MOST + 49]));
}

#[tokio::test]
async fn handshakes_that_never_end_are_bounded_and_lock_nobody_out() {
    let port = Port::tls().await;
    let silent = port.silent(MOST + 100).await;
    port.answers_over_tls().await;
    bounded(MOST, silent.iter()).await;
    assert!(is_open(&silent[MOST + 99]), "in the time that it may take");
    while silent.iter().any(is_open) {
        port.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn silence_after_the_handshake_is_bounded_too() {
    let port = Port::tls().await;
    let mut silent = Vec::new();
    for _ in 0..MOST + 20 {
        let stream = TcpStream::connect(port.address).await.unwrap();
        let name = ServerName::from(port.address.ip());
        silent.push(port.connector().connect(name, stream).await.unwrap());
    }
    port.answers_over_tls().await;
    bounded(MOST, silent.iter().map(|it| it.get_ref().0)).await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_the_end() {
    let port = Port::plain().await;
    let mut idle = TcpStream::connect(port.address).await.unwrap();
    let mut dripping = TcpStream::connect(port.address).await.unwrap();
    answered(&mut idle).await;
    dripping.write_all(b"GET /healthz HT").await.unwrap();
    // Connections are accepted in order: once this one is answered, the others are in hand.
    port.answers().await;
    port.clock.advance(Duration::from_secs(60));
    // A minute is as long as scrapers take between two requests.
    answered(&mut idle).await;
    port.clock.advance(Duration::from_secs(60));
    bounded(0, [&dripping].into_iter()).await;
    assert!(is_open(&idle));
    port.clock.advance(Duration::from_secs(60));
    bounded(0, [&idle].into_iter()).await;
}
