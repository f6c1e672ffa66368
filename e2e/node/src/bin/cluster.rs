//! Starts a cluster of one node for work by hand, and runs it until told to stop.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use harness::scratch::Scratch;
use node::{Bench, Doorway, Images};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a control plane and a node whose Pods are processes, in a network of their own, until Ctrl-C. Prints the line
/// `export KUBECONFIG=...` when the node takes Pods. Everything is removed at the end.
#[derive(Debug, Parser)]
struct Arguments {
    /// A program for an image: a name, a repository or a whole reference, and a file.
    #[arg(long = "image", value_name = "IMAGE=FILE", value_parser = image)]
    images: Vec<(String, PathBuf)>,
}

fn image(text: &str) -> Result<(String, PathBuf), String> {
    let (image, file) = text.split_once('=').ok_or("it is written IMAGE=FILE")?;
    let file = fs::canonicalize(file).map_err(|e| format!("{file}: {e}"))?;
    Ok((image.to_owned(), file))
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let doorway = Doorway::enter()?;
    Runtime::new()?.block_on(serve(arguments.images, doorway))
}

async fn serve(programs: Vec<(String, PathBuf)>, doorway: Doorway) -> Result<()> {
    let mut images = Images::default();
    for (image, file) in programs {
        images = images.with(&image, file);
    }
    let mut stopped = std::pin::pin!(stopped()?);
    let bench = tokio::select! {
        bench = Bench::start(images) => bench?,
        () = &mut stopped => return Ok(()),
    };
    let folder = Scratch::new("cluster")?;
    let kubeconfig = folder.path().join("kubeconfig");
    doorway.write_kubeconfig(&bench, &kubeconfig)?;
    say(&kubeconfig)?;
    tokio::select! {
        ended = doorway.lead_to(bench.api_server()?) => ended?,
        () = stopped => {}
    }
    bench.stop().await;
    Ok(())
}

fn say(kubeconfig: &Path) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "export KUBECONFIG={}", kubeconfig.display())?;
    writeln!(
        out,
        "# Among the Pods, their logs by UID in /run/node/pods:"
    )?;
    writeln!(out, "# {}", Doorway::way_in()?)?;
    Ok(())
}

/// Ends at Ctrl-C and SIGTERM, which are heard from now on.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
