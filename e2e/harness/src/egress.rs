//! A proxy for what leaves a process, as a company has one: the client asks it for a way to a host.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// More than the head of any request here.
const LONGEST_HEAD: usize = 64 << 10;

/// A forward proxy on a free port of 127.0.0.1 until it is dropped: tunnels (`CONNECT`) and plain HTTP with
/// absolute targets (RFC 9110, 9.3.6; RFC 9112, 3.2.2). All ways lead to one server, whatever host is asked for,
/// so that names of the outside can be used without leaving the machine.
#[derive(Debug)]
pub struct Egress {
    address: SocketAddr,
    ways: Arc<Mutex<Vec<Way>>>,
    // Aborts its connections when dropped.
    _serving: JoinSet<()>,
}

/// A connection that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `host:port` of a tunnel; the absolute URL of a plain request.
    pub target: String,
    /// The header `Proxy-Authorization`.
    pub authorization: Option<String>,
}

impl Egress {
    /// A proxy all of whose ways lead to `server`.
    ///
    /// # Errors
    /// When no port of 127.0.0.1 is free.
    pub async fn to(server: SocketAddr) -> Result<Self> {
        Self::start(Some(server)).await
    }

    /// A proxy that refuses everybody (407).
    ///
    /// # Errors
    /// When no port of 127.0.0.1 is free.
    pub async fn refusing() -> Result<Self> {
        Self::start(None).await
    }

    async fn start(server: Option<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let ways = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        let record = ways.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _)) = accepted {
                            connections.spawn(serve(stream, server, record.clone()));
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self {
            address,
            ways,
            _serving: serving,
        })
    }

    /// Where it listens, `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ways that were asked for, in their order.
    pub fn ways(&self) -> Vec<Way> {
        self.ways.lock().clone()
    }
}

async fn serve(mut client: TcpStream, server: Option<SocketAddr>, ways: Arc<Mutex<Vec<Way>>>) {
    // A side that closes early ends the connection: that is all there is to say.
    let _ = lead(&mut client, server, &ways).await;
}

async fn lead(
    client: &mut TcpStream,
    server: Option<SocketAddr>,
    ways: &Mutex<Vec<Way>>,
) -> Result<()> {
    let head = head(client).await?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next(), first.next().context("a request line")?);
    let authorization = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.trim().to_owned())
    });
    ways.lock().push(Way {
        target: target.to_owned(),
        authorization,
    });
    let Some(server) = server else {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return Ok(client.write_all(refusal).await?);
    };
    let mut server = TcpStream::connect(server).await?;
    match method {
        Some("CONNECT") => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
        _ => server.write_all(&head).await?,
    }
    copy_bidirectional(client, &mut server).await?;
    Ok(())
}

/// The head of a request, and what came with it.
async fn head(client: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() > LONGEST_HEAD {
            bail!("no head of a request");
        }
    }
    Ok(head)
}
