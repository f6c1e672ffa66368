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
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::server::TlsStream;
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};

use super::{http::Listening, tls::Door};
use crate::{decide::clock::Clock, engines::peer::Peer};

/// How long nothing is heard of a client before it is asked whether it lives. Clients may ask as often as
/// they like, with or without a call under way: HTTP/2 is served without a policy on that.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to say that it lives.
const PONG: Duration = Duration::from_secs(10);

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
    let door = Door::new(listening, tls, clock);
    let stopped = async move {
        // An error says that the sender is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let served = Server::builder()
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .add_routes(routes)
        .serve_with_incoming_shutdown(accepted(door), stopped)
        .await;
    if let Err(error) = served {
        tracing::error!("the gRPC server ended: {error}");
    }
}

fn accepted(door: Door) -> impl Stream<Item = Result<Accepted, Infallible>> {
    stream::unfold(door, |mut door| async {
        let (stream, address) = door.next().await;
        Some((Ok(Accepted { stream, address }), door))
    })
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
