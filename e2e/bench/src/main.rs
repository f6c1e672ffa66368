//! Measures an operator on a real API server, and writes down what it measured.
//!
//! Started by `cargo xtask bench`, which builds what this needs, optimised.

mod apigw;
mod cloud_providers;
mod machine;
mod resident;
mod spread;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

/// Measures an operator on a real API server.
#[derive(Parser)]
struct Bench {
    /// Which one.
    #[arg(value_enum)]
    operator: Operator,
    /// The operator's program.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Where to write the figures.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Operator {
    /// Routes and backends to gateways.
    Apigw,
    /// What each AWS provider costs.
    CloudProviders,
}

#[tokio::main]
async fn main() -> Result<()> {
    let bench = Bench::parse();
    let report = match bench.operator {
        Operator::Apigw => apigw::measure(&bench.program).await?,
        Operator::CloudProviders => cloud_providers::measure(&bench.program).await?,
    };
    println!("\n{report}");
    if let Some(folder) = bench.report.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&bench.report, report)
        .with_context(|| format!("cannot write {}", bench.report.display()))
}
