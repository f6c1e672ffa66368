//! Measures an operator, and writes the figures into the documents.

use anyhow::Result;
use clap::{Args, ValueEnum};
use xshell::cmd;

use crate::project::Project;

/// The program that measures.
const PROGRAM: &str = "bench";

/// Measure an operator on a real API server, and write the figures down (minutes)
#[derive(Args)]
pub struct Bench {
    /// Which one
    #[arg(value_enum)]
    operator: Operator,
}

#[derive(Clone, Copy, ValueEnum)]
enum Operator {
    /// Routes and backends to gateways
    Apigw,
    /// What each AWS provider costs
    CloudProviders,
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Self::Apigw => "apigw",
            Self::CloudProviders => "cloud-providers",
        }
    }

    /// The operator that is measured.
    fn program(self) -> &'static str {
        match self {
            Self::Apigw => "apigw-operator",
            Self::CloudProviders => "cloud-operator",
        }
    }
}

impl Bench {
    pub fn run(self, project: &Project) -> Result<()> {
        let name = self.operator.name();
        let operator = self.operator.program();
        let shell = &project.shell;
        println!("Building, optimised (the first time takes minutes) ...");
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
            "{bench} {name} --program {program} --report {report}"
        )
        .quiet()
        .run()?;
        println!("Written to {report}");
        Ok(())
    }
}
