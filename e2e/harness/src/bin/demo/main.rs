//! Shows the operators at work, on real servers, with the times that it takes.
//!
//! Started by `cargo xtask demo`, which builds what this needs.

mod apigw;
mod cloud;
mod ground;
mod kubectl;
mod operator;
mod scene;
mod stage;
mod teller;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::ground::Ground;
use crate::teller::Teller;

/// Shows the operators at work.
#[derive(Parser)]
struct Demo {
    /// What is shown; everything by default.
    #[arg(value_enum)]
    scene: Option<Scene>,
    /// Leaves everything of the last scene running at the end, until Ctrl-C.
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
    /// An APIRoute and a Backend on two gateways.
    Apigw,
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
    let ground = tokio::select! {
        ground = Ground::prepare(&teller, demo.kubeconfig.as_deref()) => ground?,
        () = &mut told_to_stop => return Ok(()),
    };
    let scenes = match &demo.scene {
        Some(scene) => std::slice::from_ref(scene),
        None => Scene::value_variants(),
    };
    for (played, scene) in (1..).zip(scenes) {
        let keep = demo.keep && played == scenes.len();
        let stop = told_to_stop.as_mut();
        let ended = match scene {
            Scene::Cloud => scene::perform::<cloud::Cloud>(&ground, &teller, keep, stop).await?,
            Scene::Apigw => scene::perform::<apigw::Apigw>(&ground, &teller, keep, stop).await?,
        };
        if ended == scene::Ended::ToldToStop {
            return Ok(());
        }
    }
    next(&teller);
    Ok(())
}

fn next(teller: &Teller) {
    teller.chapter("What to look at next");
    for line in [
        "cargo xtask demo cloud --keep    # one scene, and it stays up for you to look around",
        "cargo xtask demo apigw --keep",
        "cargo xtask control-plane        # an empty cluster with the project's kinds",
        "cargo xtask run apigw --kubeconfig FILE -- --help",
        "less README.md ARCHITECTURE.md examples/*/*",
    ] {
        teller.typed(line);
    }
}
