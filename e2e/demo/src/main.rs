//! Shows the operators at work, on real servers, with the times that it takes.
//!
//! Started by `cargo xtask demo`, which builds what this needs.

mod apigw;
mod built;
mod cloud;
mod ground;
mod helm;
mod kubectl;
mod operator;
mod place;
mod pods;
mod program;
mod recording;
mod scene;
mod stage;
mod teller;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use harness::Moto;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::ground::Ground;
use crate::place::Place;
use crate::scene::Scene as _;
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
    /// Uses the cluster of this kubeconfig file instead of starting one; the operators are processes of this machine.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Fails where no Pods can run, in place of running the operators as processes.
    #[arg(long, conflicts_with = "kubeconfig")]
    pods_only: bool,
    /// Writes what is shown to this file, too, as a recording.
    #[arg(long, value_name = "FILE", conflicts_with = "keep")]
    record: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scene {
    /// An AWSProvider and an S3Bucket, with moto in the place of AWS.
    Cloud,
    /// An APIRoute and a Backend on two gateways.
    Apigw,
}

impl Scene {
    fn operator(self) -> &'static str {
        match self {
            Self::Cloud => cloud::Cloud::OPERATOR,
            Self::Apigw => apigw::Apigw::OPERATOR,
        }
    }
}

impl Demo {
    fn scenes(&self) -> &[Scene] {
        match &self.scene {
            Some(scene) => std::slice::from_ref(scene),
            None => Scene::value_variants(),
        }
    }
}

fn main() -> ExitCode {
    match play(&Demo::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play(demo: &Demo) -> Result<()> {
    let runtime = Runtime::new()?;
    if demo.scenes().contains(&Scene::Cloud) {
        // Where Pods run there is no network from which it could be installed.
        runtime.block_on(Moto::prepare())?;
    }
    let place = match &demo.kubeconfig {
        Some(file) => Place::Theirs(file.clone()),
        None => Place::ours(&runtime, demo.pods_only)?,
    };
    runtime.block_on(run(demo, place))
}

async fn run(demo: &Demo, place: Place) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut told_to_stop = std::pin::pin!(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    });

    let teller = Teller::new();
    let scenes = demo.scenes();
    let operators: Vec<&str> = scenes.iter().map(|scene| scene.operator()).collect();
    let ground = tokio::select! {
        ground = Ground::prepare(&teller, place, &operators) => Arc::new(ground?),
        () = &mut told_to_stop => return Ok(()),
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
    if let Some(file) = &demo.record {
        let scene = demo.scene.and_then(|scene| scene.to_possible_value());
        let scene = scene.map_or(String::new(), |scene| format!(" {}", scene.get_name()));
        teller
            .recording(&format!("cargo xtask demo{scene}"))
            .write(file)?;
    }
    Ok(())
}

fn next(teller: &Teller) {
    teller.chapter("What to look at next");
    for line in [
        "cargo xtask demo cloud --keep    # one scene, and it stays up for you to look around",
        "cargo xtask demo apigw --keep",
        "cargo xtask cluster              # an empty cluster whose Pods run, to install charts on",
        "cargo xtask control-plane        # the same without Pods, and with the project's kinds",
        "cargo xtask run apigw --kubeconfig FILE -- --help",
        "less README.md ARCHITECTURE.md charts/*/README.md examples/*/*",
    ] {
        teller.typed(line);
    }
}
