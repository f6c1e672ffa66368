//! The service behind the gateways: it says what it was asked for.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// An HTTP server on a loopback port. It ends with this value.
pub struct Hello {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Hello {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            task: tokio::spawn(serve(listener)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener) {
    // Aborts its connections when this future is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone again: the next one may stay.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(answer(stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let said = said(request.method().as_str(), request.uri().path());
        Ok::<_, Infallible>(Response::new(said))
    });
    // Fails when the gateway closes early, as one does that is killed.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// What the service answers to this request.
pub fn said(method: &str, path: &str) -> String {
    format!("hello-service was asked: {method} {path}")
}
