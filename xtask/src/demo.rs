//! The operators at work, in front of your eyes.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::control_plane;
use crate::project::Project;

/// The program that plays the scenes.
const PROGRAM: &str = "demo";

/// Watch the operators, installed by Helm on a real API server, at work: they create, repair, serve and clean up.
///
/// They run in Pods, which takes root or user namespaces for everybody. Where neither is to be had, they are plain
/// processes, and the demo says so.
#[derive(Args)]
pub struct Demo {
    /// What is shown; everything by default
    #[arg(value_enum)]
    scene: Option<Scene>,

    /// Leave everything of the last scene running at the end, for a look around, until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// Use the cluster of this kubeconfig file instead of starting one, with the operators as processes of this machine
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Fail where no Pods can run, in place of running the operators as plain processes
    #[arg(long, conflicts_with = "kubeconfig")]
    pods_only: bool,

    /// Write what is shown to this file, too, as a recording that `asciinema play` shows again
    #[arg(long, value_name = "FILE", conflicts_with = "keep")]
    record: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scene {
    /// An AWSProvider and an S3Bucket, with moto in the place of AWS
    Cloud,
    /// An APIRoute and a Backend on two gateways
    Apigw,
}

impl Scene {
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Apigw => "apigw",
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Cloud => &["cloud-operator"],
            Self::Apigw => &["apigw-operator", "gateway"],
        }
    }
}

impl Demo {
    pub fn run(self, project: &Project) -> Result<()> {
        println!("Building (the first time takes minutes) ...");
        let scenes = match &self.scene {
            Some(scene) => std::slice::from_ref(scene),
            None => Scene::value_variants(),
        };
        let mut programs = vec![PROGRAM, control_plane::PROGRAM];
        programs.extend(scenes.iter().flat_map(|scene| scene.programs()));
        project.build(&programs)?;
        let mut args: Vec<OsString> = Vec::new();
        args.extend(self.scene.map(|scene| scene.name().into()));
        if self.keep {
            args.push("--keep".into());
        }
        if self.pods_only {
            args.push("--pods-only".into());
        }
        if let Some(file) = self.kubeconfig {
            args.extend(["--kubeconfig".into(), file.into()]);
        }
        if let Some(file) = self.record {
            args.extend(["--record".into(), file.into()]);
        }
        project.exec(PROGRAM, args, &[])
    }
}
