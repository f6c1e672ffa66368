//! Measures an operator on a real API server, and writes down what it measured.
//!
//! Started by `cargo xtask bench`, which builds what this needs, optimised.

mod apigw;
mod cloud;
mod cloud_providers;
mod core;
mod cpu;
mod ground;
mod machine;
mod resident;
mod spread;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser};

/// Measures an operator on a real API server.
#[derive(Parser)]
enum Bench {
    /// Routes and backends to gateways.
    Apigw(One),
    /// Buckets at AWS.
    Cloud(Cloud),
    /// What each AWS provider costs.
    CloudProviders(One),
    /// operator-core beside controller-runtime and kube's Controller.
    Core(core::Options),
}

/// One operator that is measured.
#[derive(Args)]
struct One {
    /// The operator's program.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
}

/// The operator of AWS, and how much it has to do.
#[derive(Args)]
struct Cloud {
    #[command(flatten)]
    one: One,
    /// How many buckets there are at the end; there is a tenth of them before.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..))]
    objects: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let (one, report) = match Bench::parse() {
        Bench::Apigw(one) => {
            let report = apigw::measure(&one.program).await?;
            (one, report)
        }
        Bench::Cloud(Cloud { one, objects }) => {
            let report = cloud::measure(&one.program, usize::try_from(objects)?).await?;
            (one, report)
        }
        Bench::CloudProviders(one) => {
            let report = cloud_providers::measure(&one.program).await?;
            (one, report)
        }
        Bench::Core(options) => return core::measure(&options).await,
    };
    println!("\n{report}");
    if let Some(folder) = one.report.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&one.report, report).with_context(|| format!("cannot write {}", one.report.display()))
}
