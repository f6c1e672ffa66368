//! Shows an operator at work, on real servers, with the times that it takes.
//!
//! Started by `cargo xtask demo`, which builds what this needs.

mod bucket;
mod cloud;
mod kubectl;
mod plain;
mod stage;
mod teller;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::stage::Stage;
use crate::teller::Teller;

/// Shows an operator at work: it creates, repairs and cleans up.
#[derive(Parser)]
struct Demo {
    /// What is shown.
    #[arg(value_enum, default_value_t = Scene::Cloud)]
    scene: Scene,
    /// Leaves everything running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Uses the cluster of this kubeconfig file instead of starting one.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scene {
    /// An AWSProvider and an S3Bucket, with moto in the place of AWS.
    Cloud,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Demo::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(demo: &Demo) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut told_to_stop = std::pin::pin!(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    });

    let teller = Teller::new();
    let stage = tokio::select! {
        stage = Stage::set(&teller, demo.kubeconfig.as_deref()) => stage?,
        () = &mut told_to_stop => return Ok(()),
    };
    let played = tokio::select! {
        played = play(demo, &stage, &teller) => Some(played),
        () = &mut told_to_stop => None,
    };

    if let Some(Err(error)) = played {
        let evidence = stage.evidence(cloud::KINDS).await;
        if stage.is_borrowed() {
            clear(&stage, &teller).await?;
        }
        bail!("{error:#}\n{evidence}");
    }
    let to_the_end = played.is_some();
    if to_the_end || stage.is_borrowed() {
        clear(&stage, &teller).await?;
    }
    if to_the_end {
        next(&teller);
    }
    Ok(())
}

async fn play(demo: &Demo, stage: &Stage, teller: &Teller) -> Result<()> {
    match demo.scene {
        Scene::Cloud => cloud::play(stage, teller).await?,
    }
    if demo.keep {
        match demo.scene {
            Scene::Cloud => cloud::leave_standing(stage, teller).await?,
        }
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn clear(stage: &Stage, teller: &Teller) -> Result<()> {
    teller.chapter("The end");
    let cleared = stage.clear(teller).await;
    match cleared {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error:#}\n{}", stage.evidence(cloud::KINDS).await),
    }
}

fn next(teller: &Teller) {
    teller.chapter("What to look at next");
    for line in [
        "cargo xtask demo --keep      # the same, and it stays up for you to look around",
        "cargo xtask control-plane    # an empty cluster with the project's kinds",
        "cargo xtask run cloud --kubeconfig FILE -- --help",
        "less README.md ARCHITECTURE.md examples/aws/*",
    ] {
        teller.typed(line);
    }
}
