//! Listening and serving.

use std::{fmt, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    task::JoinSet,
};
use tower_service::Service;

use crate::{
    decide::clock::Clock,
    process::{
        config::ListenAddress,
        crowd::{Crowd, Place, ShownOut},
        tls::Door,
    },
};

/// How many connections a port has at once: more than an API server with its default of 200 writes in flight
/// needs for its questions, as each of them takes one.
const MOST: usize = 256;
/// How long a connection may go without a request whose head is whole, and without the beginning of an answer: it is
/// idle, or drips, or does not take its answer. Scrapers and API servers keep theirs between two requests, and give
/// them up after 90 s: it is for them to do so, as a request may be on its way.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest head of a request, and what is read or written at once.
const BUFFER: usize = 32 * 1024;

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
        let door = Door::new(self, tls, MOST, clock.clone());
        answer(door, router, clock, stop).await;
    }
}

async fn answer<L>(mut listener: L, router: Router, clock: Clock, mut stop: watch::Receiver<bool>)
where
    L: Listener<Addr: fmt::Debug>,
{
    let crowd = Crowd::of(MOST);
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = told(&mut stop) => break,
            Some(_) = conversations.join_next() => {}
            (stream, _) = listener.accept() => {
                let guest = crowd.enter(clock.now());
                let with = (router.clone(), clock.clone(), stop.clone());
                conversations.spawn(converse(stream, guest, with));
            }
        }
    }
    drop(listener);
    let all_ended = async { while conversations.join_next().await.is_some() {} };
    // What goes on after that is dropped with the set.
    let _ = clock.until(clock.now() + GRACE, all_ended).await;
}

/// Answers the requests of one connection, until either side has enough of it.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    (place, mut shown_out): (Place, ShownOut),
    (router, clock, mut stop): (Router, Clock, watch::Receiver<bool>),
) {
    let answer = |request: Request<Incoming>| {
        let (mut router, place, clock) = (router.clone(), &place, &clock);
        async move {
            place.asks(clock.now());
            let answer = router.call(request).await;
            place.stepped(clock.now());
            answer
        }
    };
    let mut connection = pin!(
        http1::Builder::new()
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service_fn(answer))
    );
    let mut stopping = false;
    loop {
        let until = place.last_step() + SILENCE;
        tokio::select! {
            biased;
            // An error is the client's own.
            _ = connection.as_mut() => return,
            () = shown_out.told() => return,
            () = told(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = clock.sleep_until(until) => {
                if clock.now() >= place.last_step() + SILENCE {
                    return;
                }
            }
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}
