//! Measures operators, and writes the figures into the documents.

use anyhow::Result;
use clap::{Args, Subcommand};
use xshell::cmd;

use crate::project::Project;

/// The program that measures.
const PROGRAM: &str = "bench";

/// Measure an operator on a real API server, and write the figures down (minutes)
#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Routes and backends to gateways
    Apigw,
    /// Buckets at AWS
    Cloud(Cloud),
    /// What each AWS provider costs
    CloudProviders,
    /// operator-core beside controller-runtime and kube's Controller; needs Go
    Core(Core),
}

#[derive(Args)]
struct Cloud {
    /// How many buckets there are at the end; there is a tenth of them before
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
}

#[derive(Args)]
struct Core {
    /// How many objects there are
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// How often everything is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long nothing happens in the scenario in which nothing does, in seconds
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Where to write the figures; charts go beside it, to the folder of the same name
    #[arg(long, default_value = "docs/benchmarks.md")]
    report: String,
}

impl Bench {
    pub fn run(self, project: &Project) -> Result<()> {
        println!("Building, optimised (the first time takes minutes) ...");
        match self.what {
            What::Apigw => operator(project, "apigw", "apigw-operator", &[]),
            What::Cloud(cloud) => {
                let objects = format!("--objects={}", cloud.objects);
                operator(project, "cloud", "cloud-operator", &[&objects])
            }
            What::CloudProviders => operator(project, "cloud-providers", "cloud-operator", &[]),
            What::Core(core) => core.run(project),
        }
    }
}

/// Measures one operator by itself.
fn operator(project: &Project, name: &str, operator: &str, more: &[&str]) -> Result<()> {
    let shell = &project.shell;
    // Each by itself: together, an operator would get features that only the measuring program asks for.
    cmd!(
        shell,
        "cargo build --release -p {operator} --bin {operator}"
    )
    .quiet()
    .run()?;
    cmd!(shell, "cargo build --release -p {PROGRAM}")
        .quiet()
        .run()?;
    let bench = project.optimised(PROGRAM);
    let program = project.optimised(operator);
    let report = format!("docs/benchmarks/{name}.md");
    cmd!(
        shell,
        "{bench} {name} --program {program} --report {report} {more...}"
    )
    .quiet()
    .run()?;
    println!("Written to {report}");
    Ok(())
}

impl Core {
    fn run(self, project: &Project) -> Result<()> {
        let shell = &project.shell;
        for package in ["widget", PROGRAM] {
            cmd!(shell, "cargo build --release -p {package}")
                .quiet()
                .run()?;
        }
        let go = project.optimised("widget-go");
        cmd!(
            shell,
            "go build -C e2e/widget-go -trimpath -buildvcs=false -ldflags=-s -o {go} ."
        )
        .env("CGO_ENABLED", "0")
        .quiet()
        .run()?;
        let bench = project.optimised(PROGRAM);
        let (core, kube) = (
            project.optimised("widget-core"),
            project.optimised("widget-kube"),
        );
        let [objects, rounds, idle] =
            [self.objects, self.rounds, usize::try_from(self.idle)?].map(|it| it.to_string());
        let report = &self.report;
        cmd!(
            shell,
            "{bench} core --core {core} --go {go} --kube {kube} --objects {objects} --rounds {rounds} --idle {idle} --report {report}"
        )
        .quiet()
        .run()?;
        println!("Written to {report}");
        Ok(())
    }
}
