//! The gRPC server over TLS: who comes in, who does not, who waits for whom, and how it stops.

use std::{net::SocketAddr, time::Duration};

use harness::{
    is_open,
    wait::{self, PATIENCE},
};
use operator_core::{
    decide::clock::Clock,
    engines::{
        fanout::replicas::{Dialling, dial},
        peer::Peer,
    },
    process::{certs::ClientCertificates, grpc},
};
use replica_protocol::{
    ReportRequest, ReportResponse,
    replicas_client::ReplicasClient,
    replicas_server::{Replicas, ReplicasServer},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::{Request, Response, Status, Streaming, service::Routes};

use crate::stage::{Authority, Holder, NAME, listen};

/// How many clients the server has at once.
const MOST: usize = 8;

/// A service whose calls last until the stop.
struct Lasting {
    stop: watch::Receiver<bool>,
    peers: mpsc::UnboundedSender<Peer>,
}

#[tonic::async_trait]
impl Replicas for Lasting {
    async fn report(
        &self,
        request: Request<Streaming<ReportRequest>>,
    ) -> Result<Response<ReportResponse>, Status> {
        let peer = request.extensions().get::<Peer>();
        self.peers.send(peer.expect("a peer").clone()).unwrap();
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
        Ok(Response::new(ReportResponse {}))
    }
}

struct Site {
    clock: Clock,
    authority: Authority,
    replica: Holder,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    peers: mpsc::UnboundedReceiver<Peer>,
    server: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Site {
    async fn new(clients: ClientCertificates) -> Self {
        let (clock, authority) = (Clock::system(), Authority::new());
        let replica = authority.replica(&clock).await;
        let listening = listen().await;
        let address = listening.address();
        let (stop, stopped) = watch::channel(false);
        let (sender, peers) = mpsc::unbounded_channel();
        let service = Lasting {
            stop: stopped.clone(),
            peers: sender,
        };
        let routes = Routes::new(ReplicasServer::new(service));
        let tls = replica.server(clients);
        let server = grpc::serve(listening, tls, routes, MOST, clock.clone(), stopped);
        Self {
            server: tokio::spawn(server),
            clock,
            authority,
            replica,
            address,
            stop,
            peers,
        }
    }

    /// A call that lasts, once it has begun.
    async fn call(&mut self, dialling: &Dialling) -> (JoinHandle<Result<(), Status>>, Peer) {
        let call = tokio::spawn(report(self.address, dialling.clone()));
        let peer = timeout(PATIENCE, self.peers.recv()).await;
        (call, peer.expect("the call began").unwrap())
    }

    async fn refuses(&self, dialling: Dialling) {
        let call = report(self.address, dialling);
        timeout(PATIENCE, call)
            .await
            .expect("it ends")
            .expect_err("refused");
    }

    async fn silent(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn report(address: SocketAddr, dialling: Dialling) -> Result<(), Status> {
    let channel = dial(&address.to_string(), &dialling).await;
    let channel = channel.map_err(|error| Status::from_error(error.into()))?;
    let never = futures::stream::pending();
    ReplicasClient::new(channel).report(never).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_knows_its_peer_and_strangers_do_not_come_in() {
    let mut site = Site::new(ClientCertificates::Required).await;
    let (_, replica) = site.call(&site.replica.dialling()).await;
    let own = ServerName::try_from(NAME).unwrap();
    assert!(replica.may_serve_as(&own) && replica.address.ip().is_loopback());
    let gateway = site.authority.gateway(&site.clock).await;
    let (_, peer) = site.call(&gateway.dialling()).await;
    assert_eq!(peer.certificates.len(), 1);
    assert!(!peer.may_serve_as(&own));

    site.refuses(site.replica.dialling_without_certificate())
        .await;
    let foreign = Authority::new().replica(&site.clock).await;
    let mut stranger = site.replica.dialling();
    let mut tls = (*stranger.tls).clone();
    tls.client_auth_cert_resolver = foreign.dialling().tls.client_auth_cert_resolver.clone();
    stranger.tls = tls.into();
    site.refuses(stranger).await;

    let mut plain = site.silent().await;
    plain
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    closed(plain).await;
    assert!(site.peers.try_recv().is_err(), "nobody else came in");
}

#[tokio::test]
async fn without_a_certificate_a_client_comes_in_where_it_may() {
    let mut site = Site::new(ClientCertificates::Optional).await;
    let (_, peer) = site
        .call(&site.replica.dialling_without_certificate())
        .await;
    assert!(peer.certificates.is_empty());
    assert!(!peer.may_serve_as(&ServerName::try_from(NAME).unwrap()));
}

#[tokio::test]
async fn http2_is_what_is_spoken() {
    let site = Site::new(ClientCertificates::Required).await;
    let tls = TlsConnector::from(site.replica.dialling().tls);
    let name = ServerName::try_from(NAME).unwrap();
    let stream = tls.connect(name, site.silent().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn who_says_nothing_blocks_nobody_and_is_sent_away() {
    let mut site = Site::new(ClientCertificates::Required).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(site.silent().await);
    }
    let dialling = site.replica.dialling();
    site.call(&dialling).await;

    // More than may be in hand at once: the oldest gives way.
    for _ in 0..300 {
        silent.push(site.silent().await);
    }
    let (address, calling) = (site.address, dialling.clone());
    let call = tokio::spawn(report(address, calling));
    let came = async {
        loop {
            site.clock.advance(Duration::from_secs(1));
            let pause = Duration::from_millis(50);
            if let Ok(peer) = timeout(pause, site.peers.recv()).await {
                return peer.unwrap();
            }
        }
    };
    timeout(PATIENCE, came).await.expect("it came in");
    call.abort();
    closed(silent.swap_remove(0)).await;
}

#[tokio::test]
async fn who_never_says_hello_gives_way_and_costs_nobody_a_connection() {
    let mut site = Site::new(ClientCertificates::Optional).await;
    let (lasting, _) = site.call(&site.replica.dialling()).await;
    let tls = TlsConnector::from(site.replica.dialling_without_certificate().tls);
    let mut silent = Vec::new();
    for _ in 0..5 * MOST {
        let name = ServerName::try_from(NAME).unwrap();
        let greeted = tls.connect(name, site.silent().await).await;
        silent.push(greeted.unwrap());
    }
    let (other, _) = site.call(&site.replica.dialling()).await;
    assert!(!lasting.is_finished() && !other.is_finished());
    let open = || async {
        let open = silent.iter().filter(|it| is_open(it.get_ref().0)).count();
        (open + 2 <= MOST)
            .then_some(())
            .ok_or(format!("{open} are open"))
    };
    wait::until("the others to give way", PATIENCE, open)
        .await
        .unwrap();

    // Those that are left are not waited for for ever.
    while silent.iter().any(|it| is_open(it.get_ref().0)) {
        site.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!lasting.is_finished() && !other.is_finished());
}

/// Waits until the other side has closed the connection.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A reset is an end, too.
    let _ = end.expect("the connection is closed");
}

#[tokio::test]
async fn a_stop_ends_calls_as_their_service_ends_them() {
    let mut site = Site::new(ClientCertificates::Required).await;
    let dialling = site.replica.dialling();
    let (call, _) = site.call(&dialling).await;
    let (other, _) = site.call(&dialling).await;
    site.stop.send_replace(true);
    for call in [call, other] {
        let ended = timeout(PATIENCE, call).await.expect("the call ended");
        ended.unwrap().expect("with OK, not a reset");
    }
    let server = timeout(PATIENCE, &mut site.server);
    server.await.expect("the server ended").unwrap();
    site.refuses(dialling).await;
}
