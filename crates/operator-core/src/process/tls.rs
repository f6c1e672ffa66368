//! Connections over TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{crowd::Crowd, http::Listening};
use crate::decide::clock::Clock;

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The pause after the machine had no room for another connection.
const NO_ROOM: Duration = Duration::from_secs(1);

/// Where connections come in. No client waits for another one's handshake.
pub(super) struct Door {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    clock: Clock,
    handshakes: JoinSet<Option<Greeted>>,
    greeting: Arc<Crowd>,
}

/// A connection whose handshake is done, and whose it is.
type Greeted = (TlsStream<TcpStream>, SocketAddr);

impl Door {
    /// At most `handshakes` are in hand at once: the oldest one gives way to one more.
    pub(super) fn new(
        listening: Listening,
        tls: Arc<ServerConfig>,
        handshakes: usize,
        clock: Clock,
    ) -> Self {
        Self {
            listener: listening.into_listener(),
            acceptor: tls.into(),
            clock,
            handshakes: JoinSet::new(),
            greeting: Crowd::of(handshakes),
        }
    }

    /// The next connection whose handshake is done.
    pub(super) async fn next(&mut self) -> Greeted {
        loop {
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => {
                    if let Ok(Some(greeted)) = ended {
                        return greeted;
                    }
                }
                came = self.listener.accept() => match came {
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
        let (place, mut shown_out) = self.greeting.enter(clock.now());
        self.handshakes.spawn(async move {
            let _place = place;
            // Without it small messages would wait for others; it only fails on a socket that is closed.
            let _ = stream.set_nodelay(true);
            let deadline = clock.now() + HANDSHAKE;
            let greeted = clock.until(deadline, acceptor.accept(stream));
            let why = tokio::select! {
                biased;
                greeted = greeted => match greeted {
                    Some(Ok(stream)) => return Some((stream, address)),
                    Some(Err(error)) => error.to_string(),
                    None => "it took too long".to_owned(),
                },
                () = shown_out.told() => "it gave way to others".to_owned(),
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

impl Listener for Door {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Greeted {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
