//! Listening and serving.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use rustls::ServerConfig;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    decide::clock::Clock,
    process::{config::ListenAddress, tls::Door},
};

/// How long an open request may go on after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: cannot listen on {address}: {reason}")]
pub struct BindError {
    /// The setting that gives the address, by its name in the environment.
    pub setting: &'static str,
    /// The address.
    pub address: ListenAddress,
    /// What the operating system says.
    #[source]
    pub reason: io::Error,
}

/// A socket that accepts connections.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// Listens on an address; `setting` is named in the error.
pub async fn bind(setting: &'static str, address: &ListenAddress) -> Result<Listening, BindError> {
    let refused = |reason| BindError {
        setting,
        address: address.clone(),
        reason,
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for candidate in address.candidates() {
        match TcpListener::bind(&candidate).await {
            Ok(listener) => {
                let address = listener.local_addr().map_err(refused)?;
                return Ok(Listening { listener, address });
            }
            // A port that is taken is taken; only a missing address family makes another one worth a try.
            Err(reason) if reason.kind() == io::ErrorKind::AddrInUse => {
                return Err(refused(reason));
            }
            Err(reason) => last = reason,
        }
    }
    Err(refused(last))
}

impl Listening {
    /// The address with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket itself, for a server of another protocol.
    pub(in crate::process) fn into_listener(self) -> TcpListener {
        self.listener
    }

    /// Answers requests until `stop` is true or its sender is gone. Then accepts no more, and gives
    /// requests in hand a few seconds.
    pub async fn serve(self, router: Router, clock: Clock, stop: watch::Receiver<bool>) {
        answer(self.listener, router, clock, stop).await;
    }

    /// As [`serve`](Self::serve), over TLS; `tls` must offer the protocol `http/1.1`.
    pub async fn serve_tls(
        self,
        tls: Arc<ServerConfig>,
        router: Router,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) {
        let door = Door::new(self, tls, clock.clone());
        answer(door, router, clock, stop).await;
    }
}

async fn answer<L>(listener: L, router: Router, clock: Clock, mut stop: watch::Receiver<bool>)
where
    L: Listener<Addr: fmt::Debug>,
{
    let mut also = stop.clone();
    let stopped = async move {
        // An error says that the sender is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stopped);
    let deadline = async move {
        let _ = also.wait_for(|stop| *stop).await;
        clock.sleep(GRACE).await;
    };
    tokio::select! {
        // Documented never to fail.
        _ = server => {}
        () = deadline => {}
    }
}
