//! Starts a control plane, says how to reach it, and runs it until told to stop.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use harness::ControlPlane;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Runs etcd, kube-apiserver and kube-controller-manager on loopback until Ctrl-C, and prints the
/// line `export KUBECONFIG=...` when they serve. Everything is removed at the end.
#[derive(Debug, Parser)]
struct Arguments {
    /// Also ends when the standard input closes, as it does when the starting process dies.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Also writes the kubeconfig to this file, once the servers are ready.
    #[arg(long, value_name = "FILE")]
    kubeconfig_out: Option<PathBuf>,
    /// Installs every custom resource definition found in this folder's *.yaml files.
    #[arg(long, value_name = "DIR")]
    crds: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let input = arguments.until_stdin_closes.then(end_of_input);
    let told_to_stop = async {
        let closed = async {
            match input {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = closed => {}
        }
    };
    tokio::pin!(told_to_stop);

    let control_plane = tokio::select! {
        started = start(&arguments) => started?,
        () = &mut told_to_stop => return Ok(()),
    };
    let kubeconfig = control_plane.kubeconfig().display().to_string();
    writeln!(io::stdout(), "export KUBECONFIG={}", quoted(&kubeconfig))?;
    told_to_stop.await;
    control_plane.stop().await;
    Ok(())
}

async fn start(arguments: &Arguments) -> Result<ControlPlane> {
    let control_plane = ControlPlane::start().await?;
    if let Some(folder) = &arguments.crds {
        control_plane.install_crds(definitions(folder)?).await?;
    }
    if let Some(file) = &arguments.kubeconfig_out {
        control_plane.write_kubeconfig(file)?;
    }
    Ok(control_plane)
}

fn definitions(folder: &Path) -> Result<Vec<CustomResourceDefinition>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let read = || format!("{} holds no custom resource definitions", file.display());
            let text = fs::read_to_string(&file).with_context(read)?;
            found.extend(
                serde_saphyr::from_multiple::<CustomResourceDefinition>(&text)
                    .with_context(read)?,
            );
        }
    }
    Ok(found)
}

/// Resolves when the standard input has no more to read. A thread of its own: a read cannot be
/// cancelled, and must not hold up the end of the runtime.
fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    end
}

/// A word for a shell: quoted only when it must be.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
