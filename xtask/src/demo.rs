//! From nothing to a bucket, in front of your eyes.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::control_plane;
use crate::project::Project;

/// The harness's program that plays a scene.
const PROGRAM: &str = "demo";

/// Watch an operator at work on a real API server: it creates, repairs and cleans up.
#[derive(Args)]
pub struct Demo {
    /// What is shown
    #[arg(value_enum, default_value_t = Scene::Cloud)]
    scene: Scene,

    /// Leave everything running at the end, for a look around, until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// Use the cluster of this kubeconfig file instead of starting one
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scene {
    /// An AWSProvider and an S3Bucket, with moto in the place of AWS
    Cloud,
}

impl Scene {
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
        }
    }

    fn operator(self) -> &'static str {
        match self {
            Self::Cloud => "cloud-operator",
        }
    }
}

impl Demo {
    pub fn run(self, project: &Project) -> Result<()> {
        println!("Building (the first time takes minutes) ...");
        project.build(&[PROGRAM, control_plane::PROGRAM, self.scene.operator()])?;
        let mut args: Vec<OsString> = vec![self.scene.name().into()];
        if self.keep {
            args.push("--keep".into());
        }
        if let Some(file) = self.kubeconfig {
            args.extend(["--kubeconfig".into(), file.into()]);
        }
        project.exec(PROGRAM, args, &[])
    }
}
