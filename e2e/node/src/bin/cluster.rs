//! Starts a cluster of one node for work by hand, and runs it until told to stop.
//!
//! It is two processes: one in a network of its own, and one that leads from this machine's network to its API server.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use harness::port::Port;
use harness::process;
use harness::scratch::Scratch;
use kube::config::Kubeconfig;
use node::{Bench, Images, sandbox};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a control plane and a node whose Pods are processes, in a network of their own, until Ctrl-C. Prints the line
/// `export KUBECONFIG=...` when the node takes Pods. Everything is removed at the end.
#[derive(Debug, Parser)]
struct Arguments {
    /// A program for an image: a name, a repository or a whole reference, and a file.
    #[arg(long = "image", value_name = "IMAGE=FILE", value_parser = image)]
    images: Vec<(String, PathBuf)>,
    /// Inside: the folder in which who is outside waits for a kubeconfig.
    #[arg(long, value_name = "DIR", hide = true, requires = "reached_at")]
    inside: Option<PathBuf>,
    /// Inside: where the API server is reached from outside.
    #[arg(long, value_name = "ADDRESS", hide = true)]
    reached_at: Option<SocketAddr>,
}

/// What lies in the folder that both share.
const KUBECONFIG: &str = "kubeconfig";
const API_SERVER: &str = "api-server.sock";

/// How long the Pods and servers may take to end.
const GRACE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match (&arguments.inside, arguments.reached_at) {
        (Some(shared), Some(address)) => inside(&arguments, shared, address).await,
        _ => outside().await,
    }
}

fn image(text: &str) -> Result<(String, PathBuf), String> {
    let (image, file) = text.split_once('=').ok_or("it is written IMAGE=FILE")?;
    let file = fs::canonicalize(file).map_err(|e| format!("{file}: {e}"))?;
    Ok((image.to_owned(), file))
}

async fn outside() -> Result<()> {
    let (shared, port) = (Scratch::new("cluster")?, Port::reserve()?);
    let listener = TcpListener::bind(port.address()).await?;
    let mut command = sandbox::this_program().await?;
    command
        .args(env::args_os().skip(1))
        .arg("--inside")
        .arg(shared.path())
        .arg(format!("--reached-at={}", port.address()));
    let cluster = process::spawn(command, &shared.path().join("cluster.log"))?;

    let socket = shared.path().join(API_SERVER);
    let forwarding = async {
        while let Ok((mut here, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut there = UnixStream::connect(socket).await?;
                copy_bidirectional(&mut here, &mut there).await
            });
        }
    };
    let told = async {
        served(&shared.path().join(KUBECONFIG)).await?;
        say(shared.path(), cluster.pid())?;
        stopped().await
    };
    let ended = tokio::select! {
        told = told => told,
        () = forwarding => Err(io::Error::other("the forwarded port is closed").into()),
        status = cluster.wait() => bail!("the cluster ended with {status}:\n{}", cluster.log_tail(20)),
    };
    cluster.stop(GRACE).await;
    ended
}

/// Waits for the kubeconfig; whoever would write it may end before.
async fn served(kubeconfig: &Path) -> Result<()> {
    while !fs::exists(kubeconfig)? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn say(shared: &Path, process: u32) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "export KUBECONFIG={}",
        shared.join(KUBECONFIG).display()
    )?;
    writeln!(
        out,
        "# Among the Pods, their logs by UID in /run/node/pods:"
    )?;
    let user = if rustix::process::geteuid().is_root() {
        ""
    } else {
        " --user --preserve-credentials"
    };
    writeln!(out, "# nsenter --target {process}{user} --net --mount")
}

async fn inside(arguments: &Arguments, shared: &Path, reached_at: SocketAddr) -> Result<()> {
    let mut images = Images::default();
    for (image, file) in &arguments.images {
        images = images.with(image, file);
    }
    let bench = Bench::start(images).await?;
    let api_server = bench.cluster().url();
    let api_server: SocketAddr = api_server.trim_start_matches("https://").parse()?;
    let listener = UnixListener::bind(shared.join(API_SERVER))?;
    write_kubeconfig(
        bench.cluster().kubeconfig(),
        reached_at,
        &shared.join(KUBECONFIG),
    )?;
    let forwarding = async {
        while let Ok((mut there, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut here = TcpStream::connect(api_server).await?;
                copy_bidirectional(&mut there, &mut here).await
            });
        }
    };
    tokio::select! {
        () = forwarding => bail!("the forwarding socket is closed"),
        ended = stopped() => ended?,
    }
    bench.stop().await;
    Ok(())
}

/// Writes the kubeconfig for another address, whole: somebody waits for it to appear.
fn write_kubeconfig(original: &Path, address: SocketAddr, file: &Path) -> Result<()> {
    let mut kubeconfig = Kubeconfig::read_from(original)?;
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .flat_map(|it| &mut it.cluster)
    {
        cluster.server = Some(format!("https://{address}"));
    }
    let text = serde_saphyr::to_string(&kubeconfig)?;
    let fresh = file.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(&fresh, file).with_context(|| format!("cannot write {}", file.display()))
}

async fn stopped() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
