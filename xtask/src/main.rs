//! The project's commands: `cargo xtask <command>`.
//!
//! This crate has no client of Kubernetes, so that it builds in seconds; what needs a
//! cluster is a program of the harness that a command here builds and starts.

mod bench;
mod cluster;
mod control_plane;
mod demo;
mod gen_charts;
mod gen_crds;
mod gen_docs;
mod image;
mod lint;
mod manifests;
mod package_charts;
mod project;
mod run;
mod sbom;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;

/// The project's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Test(test::Test),
    ControlPlane(control_plane::ControlPlane),
    Cluster(cluster::Cluster),
    Run(run::Run),
    GenCrds(gen_crds::GenCrds),
    GenCharts(gen_charts::GenCharts),
    GenDocs(gen_docs::GenDocs),
    Lint(lint::Lint),
    Manifests(manifests::Manifests),
    PackageCharts(package_charts::PackageCharts),
    Image(image::Image),
    Sbom(sbom::Sbom),
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Xtask::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let project = Project::open()?;
    match command {
        Command::Demo(demo) => demo.run(&project),
        Command::Test(test) => test.run(&project),
        Command::ControlPlane(control_plane) => control_plane.run(&project),
        Command::Cluster(cluster) => cluster.run(&project),
        Command::Run(run) => run.run(&project),
        Command::GenCrds(gen_crds) => gen_crds.run(&project),
        Command::GenCharts(gen_charts) => gen_charts.run(&project),
        Command::GenDocs(gen_docs) => gen_docs.run(&project),
        Command::Lint(lint) => lint.run(&project),
        Command::Manifests(manifests) => manifests.run(&project),
        Command::PackageCharts(package) => package.run(&project),
        Command::Image(image) => image.run(&project),
        Command::Sbom(sbom) => sbom.run(&project),
        Command::Bench(bench) => bench.run(&project),
    }
}
