//! Serving gRPC over TLS.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, future::BoxFuture, stream};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::server::TlsStream;
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};

use super::{
    crowd::{Crowd, Place, ShownOut},
    http::Listening,
    tls::Door,
};
use crate::{decide::clock::Clock, engines::peer::Peer};

/// How long nothing is heard of a client before it is asked whether it lives. Clients may ask as often as
/// they like, with or without a call under way: HTTP/2 is served without a policy on that.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to say that it lives.
const PONG: Duration = Duration::from_secs(10);
/// How long a client may take after its handshake to say hello. It is not asked before.
const HELLO: Duration = Duration::from_secs(10);
/// What a client says first (RFC 9113, section 3.4), in bytes.
const PREFACE: usize = 24;
/// How many handshakes may be in hand at once: where another replica ends, all its clients come in one moment.
const HANDSHAKES: usize = 2048;
/// How many calls a client may have under way on one connection.
const CALLS: u32 = 32;

/// Serves `routes` over TLS until `stop` is true or its sender is gone; a service finds its [`Peer`] among the
/// extensions of each request. `tls` must offer the protocol `h2`.
///
/// At most `most` clients are connected at once: to one more, whoever is silent the longest gives way.
///
/// Then takes no more connections and says so on each one (GOAWAY), and ends when the calls in hand have
/// ended, each as its service ends it: a service with calls that last must end them at the stop. Whoever drops
/// this instead of waiting leaves those calls to themselves. None is ever reset.
pub async fn serve(
    listening: Listening,
    tls: Arc<ServerConfig>,
    routes: Routes,
    most: usize,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let door = Door::new(listening, tls, HANDSHAKES, clock.clone());
    let accepted = accepted(door, Crowd::of(most), clock);
    let stopped = async move {
        // An error says that the sender is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let served = Server::builder()
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .max_concurrent_streams(CALLS)
        .add_routes(routes)
        .serve_with_incoming_shutdown(accepted, stopped)
        .await;
    if let Err(error) = served {
        tracing::error!("the gRPC server ended: {error}");
    }
}

fn accepted(
    door: Door,
    crowd: Arc<Crowd>,
    clock: Clock,
) -> impl Stream<Item = Result<Accepted, Infallible>> {
    stream::unfold((door, crowd, clock), |(mut door, crowd, clock)| async {
        let (stream, address) = door.next().await;
        let (place, shown_out) = crowd.enter(clock.now());
        let place = Arc::new(place);
        let accepted = Accepted {
            stream,
            address,
            enough: Some(Box::pin(enough(place.clone(), shown_out, clock.clone()))),
            place,
            clock: clock.clone(),
            said: 0,
        };
        Some((Ok(accepted), (door, crowd, clock)))
    })
}

/// Waits until a connection has to end.
async fn enough(place: Arc<Place>, mut shown_out: ShownOut, clock: Clock) {
    let says_nothing = async {
        clock.sleep(HELLO).await;
        if place.has_stepped() {
            pending().await
        }
    };
    tokio::select! {
        () = shown_out.told() => {}
        () = says_nothing => {}
    }
}

/// A connection whose handshake is done.
struct Accepted {
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    /// `None` once it was enough.
    enough: Option<BoxFuture<'static, ()>>,
    place: Arc<Place>,
    clock: Clock,
    /// How many bytes the client has sent.
    said: usize,
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
        let enough = self.enough.as_mut();
        if enough.is_none_or(|enough| enough.as_mut().poll(context).is_ready()) {
            self.enough = None;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let read_now = into.filled().len() - before;
        self.said = self.said.saturating_add(read_now);
        if read_now > 0 && self.said >= PREFACE {
            self.place.stepped(self.clock.now());
        }
        read
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
