//! What a change must pass beside the tests.

use anyhow::{Result, bail};
use clap::Args;
use tools::{DENY, MACHETE};
use xshell::cmd;

use crate::project::Project;

/// Check format, lints, dependencies, and that each crate builds by itself.
///
/// Every step runs, also after one has failed; a summary stands at the end.
#[derive(Args)]
pub struct Lint {}

impl Lint {
    pub fn run(self, project: &Project) -> Result<()> {
        let sh = &project.shell;
        let mut steps = Steps::default();

        steps.run("format (repair: cargo fmt)", || {
            Ok(cmd!(sh, "cargo fmt --all --check").run()?)
        });
        steps.run("dependencies are allowed (deny.toml)", || {
            let deny = DENY.program()?;
            Ok(cmd!(sh, "{deny} --locked check bans licenses sources").run()?)
        });
        steps.run(
            "dependencies are used (repair: take them out of Cargo.toml)",
            || {
                let machete = MACHETE.program()?;
                Ok(cmd!(sh, "{machete} --with-metadata").run()?)
            },
        );
        steps.run("clippy", || {
            Ok(cmd!(
                sh,
                "cargo clippy --workspace --all-targets -- --deny warnings"
            )
            .run()?)
        });
        // Benchmarks alone build it.
        steps.run("e2e/widget-go", || {
            Ok(cmd!(sh, "go vet -C e2e/widget-go -trimpath ./...").run()?)
        });
        // In the workspace's build a crate may lean on a feature that only another one asks for.
        for package in project.packages()? {
            steps.run(&format!("{package} by itself"), || {
                Ok(cmd!(sh, "cargo check --package {package} --all-targets").run()?)
            });
        }
        steps.finish()
    }
}

/// The steps that have run.
#[derive(Default)]
struct Steps {
    done: Vec<(String, bool)>,
}

impl Steps {
    fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name}");
        let result = step();
        if let Err(error) = &result {
            eprintln!("{error:#}");
        }
        self.done.push((name.to_owned(), result.is_ok()));
    }

    fn finish(self) -> Result<()> {
        eprintln!();
        for (name, passed) in &self.done {
            eprintln!("{}  {name}", if *passed { "ok    " } else { "FAILED" });
        }
        match self.done.iter().filter(|(_, passed)| !passed).count() {
            0 => Ok(()),
            failed => bail!("{failed} of {} checks failed", self.done.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_one_failure_fails_the_whole() {
        let mut steps = Steps::default();
        let mut ran = 0;
        steps.run("first", || bail!("no"));
        steps.run("second", || {
            ran += 1;
            Ok(())
        });
        assert_eq!(ran, 1);
        let error = steps.finish().unwrap_err().to_string();
        assert_eq!(error, "1 of 2 checks failed");
    }

    #[test]
    fn steps_that_all_pass_pass() {
        let mut steps = Steps::default();
        steps.run("only", || Ok(()));
        assert!(steps.finish().is_ok());
    }
}
