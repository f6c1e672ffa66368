//! A way to the API server inside for who is in the network outside.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::sandbox;

/// Says to the process inside which user namespace it has left, or has not.
const LEFT_USER: &str = "E2E_NODE_LEFT_USER";

/// A port of the machine's loopback that is served from inside: a socket stays in the network in which it was made.
#[derive(Debug)]
pub struct Doorway {
    listener: TcpListener,
    address: SocketAddr,
}

impl Doorway {
    /// As [`sandbox::enter`], and returns inside with the port. Standard input is how it gets there, and is lost.
    ///
    /// # Errors
    /// As [`sandbox::enter`], and when there is no free port.
    pub fn enter() -> Result<Self> {
        if sandbox::is_inside()? {
            return Self::inherited();
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let mut this = sandbox::prepared()?;
        this.args(env::args_os().skip(1))
            .env(LEFT_USER, user_namespace()?)
            .stdin(OwnedFd::from(listener));
        Err(this.exec()).context("cannot start unshare again")
    }

    fn inherited() -> Result<Self> {
        let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
        let address = listener.local_addr();
        Ok(Self {
            address: address.context("standard input is no port of the network outside")?,
            listener,
        })
    }

    /// Writes a kubeconfig for who is outside; it is there whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, bench: &Bench, file: &Path) -> Result<()> {
        bench.cluster().write_kubeconfig_at(self.address, file)
    }

    /// Leads whoever comes to the API server at this address, for as long as it is polled.
    ///
    /// # Errors
    /// When the port cannot be listened to.
    pub async fn lead_to(self, api_server: SocketAddr) -> io::Result<()> {
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        // Ends its connections when this future is dropped.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // A client that is gone again: the next one may stay.
                    if let Ok((outside, _)) = accepted {
                        connections.spawn(join(outside, api_server));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// The beginning of a command by which somebody outside runs another one inside.
    ///
    /// # Errors
    /// When `/proc` does not say where this process is.
    pub fn way_in() -> Result<String> {
        let here = user_namespace()?;
        let user = match env::var(LEFT_USER) {
            Ok(left) if left != here => " --user --preserve-credentials",
            _ => "",
        };
        let this = process::id();
        Ok(format!("nsenter --target {this}{user} --net --mount"))
    }
}

/// Carries bytes both ways until both have ended.
async fn join(mut outside: TcpStream, api_server: SocketAddr) -> io::Result<()> {
    let mut inside = TcpStream::connect(api_server).await?;
    copy_bidirectional(&mut outside, &mut inside)
        .await
        .map(drop)
}

fn user_namespace() -> Result<String> {
    let link = "/proc/self/ns/user";
    let namespace = fs::read_link(link).with_context(|| format!("cannot read {link}"))?;
    Ok(namespace.to_string_lossy().into_owned())
}
