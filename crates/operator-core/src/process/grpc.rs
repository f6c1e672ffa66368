//! Serving gRPC over TLS.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};

use super::http::Listening;
use crate::{decide::clock::Clock, engines::peer::Peer};

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes may be in hand at once; more wait in the operating system's queue.
const HANDSHAKES: usize = 256;
/// How long nothing is heard of a client before it is asked whether it lives. Clients may ask as often as
/// they like, with or without a call under way: HTTP/2 is served without a policy on that.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to say that it lives.
const PONG: Duration = Duration::from_secs(10);
/// The pause after the machine had no room for another connection.
const NO_ROOM: Duration = Duration::from_secs(1);

/// Serves `routes` over TLS until `stop` is true or its sender is gone; a service finds its [`Peer`] among the
/// extensions of each request. `tls` must offer the protocol `h2`.
///
/// Then takes no more connections and says so on each one (GOAWAY), and ends when the calls in hand have
/// ended, each as its service ends it: a service with calls that last must end them at the stop. Whoever drops
/// this instead of waiting leaves those calls to themselves. None is ever reset.
pub async fn serve(
    listening: Listening,
    tls: Arc<ServerConfig>,
    routes: Routes,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let door = Door {
        listener: listening.into_listener(),
        acceptor: tls.into(),
        clock,
        handshakes: JoinSet::new(),
    };
    let stopped = async move {
        // An error says that the sender is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let served = Server::builder()
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .add_routes(routes)
        .serve_with_incoming_shutdown(door.accepted(), stopped)
        .await;
    if let Err(error) = served {
        tracing::error!("the gRPC server ended: {error}");
    }
}

/// Where connections come in. No client waits for another one's handshake.
struct Door {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    clock: Clock,
    handshakes: JoinSet<Option<Accepted>>,
}

impl Door {
    fn accepted(self) -> impl Stream<Item = Result<Accepted, Infallible>> {
        stream::unfold(self, |mut door| async {
            Some((Ok(door.next().await), door))
        })
    }

    async fn next(&mut self) -> Accepted {
        loop {
            let room = self.handshakes.len() < HANDSHAKES;
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = ended {
                        return accepted;
                    }
                }
                came = self.listener.accept(), if room => match came {
                    Ok((stream, address)) => self.greet(stream, address),
                    Err(error) if concerns_one(&error) => {}
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        self.clock.sleep(NO_ROOM).await;
                    }
                }
            }
        }
    }

    fn greet(&mut self, stream: TcpStream, address: SocketAddr) {
        let (acceptor, clock) = (self.acceptor.clone(), self.clock.clone());
        self.handshakes.spawn(async move {
            // Without it small messages would wait for others; it only fails on a socket that is closed.
            let _ = stream.set_nodelay(true);
            let deadline = clock.now() + HANDSHAKE;
            let why = match clock.until(deadline, acceptor.accept(stream)).await {
                Some(Ok(stream)) => return Some(Accepted { stream, address }),
                Some(Err(error)) => error.to_string(),
                None => "it took too long".to_owned(),
            };
            tracing::debug!(peer = %address, "a TLS handshake failed: {why}");
            None
        });
    }
}

/// Whether the error is that of the one connection which was about to be accepted.
fn concerns_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// A connection whose handshake is done.
struct Accepted {
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
}

impl Connected for Accepted {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let (_, session) = self.stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default();
        Peer {
            address: self.address,
            certificates: certificates.into(),
        }
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
