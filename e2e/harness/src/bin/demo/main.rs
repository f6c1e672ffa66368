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
        played = play(demo, &stage, &teller) => played,
        () = &mut told_to_stop => match stage.is_borrowed() {
            // Our own cluster ends with us, and all that it holds.
            false => return Ok(()),
            true => demo.scene.clear(&stage, &teller).await,
        },
    };
    if let Err(error) = played {
        let evidence = stage.evidence(demo.scene.kinds()).await;
        bail!("{error:#}\n{evidence}\n{}", leftovers(&stage));
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
        return std::future::pending().await;
    }
    demo.scene.clear(stage, teller).await?;
    next(teller);
    Ok(())
}

/// What somebody has to remove by hand after a scene that failed.
fn leftovers(stage: &Stage) -> String {
    match stage.is_borrowed() {
        false => String::new(),
        true => format!(
            "the namespace {} is still in the cluster",
            stage.namespace()
        ),
    }
}

impl Scene {
    /// The kinds that it is about, for kubectl.
    fn kinds(self) -> &'static str {
        match self {
            Self::Cloud => cloud::KINDS,
        }
    }

    async fn clear(self, stage: &Stage, teller: &Teller) -> Result<()> {
        teller.chapter("The end");
        stage.clear(teller, self.kinds()).await
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
