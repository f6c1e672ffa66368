//! promtool, which reads rules and metrics as Prometheus does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use tools::PROMTOOL;

/// The program.
#[derive(Debug)]
pub struct Promtool(PathBuf);

impl Promtool {
    /// The program, built first if the cache lacks it.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn new() -> Result<Self> {
        Ok(Self(PROMTOOL.program()?))
    }

    /// Whether a file of rules is as Prometheus takes it, with no rule twice.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_rules(&self, file: &Path) -> Result<()> {
        let mut check = Command::new(&self.0);
        check
            .args(["check", "rules", "--lint=all", "--lint-fatal"])
            .arg(file);
        succeeded(&check.output().context("cannot run promtool")?)
    }

    /// Whether rules do what a file of tests says.
    ///
    /// # Errors
    /// What they do instead.
    pub fn test_rules(&self, file: &Path) -> Result<()> {
        let mut test = Command::new(&self.0);
        test.args(["test", "rules"]).arg(file);
        succeeded(&test.output().context("cannot run promtool")?)
    }

    /// What is unusual in a page of metrics: each time the metric, and what is said of it.
    ///
    /// # Errors
    /// When it is no page of metrics.
    pub fn check_metrics(&self, page: &str) -> Result<Vec<(String, String)>> {
        let mut check = Command::new(&self.0);
        check
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut asked = check.spawn().context("cannot run promtool")?;
        let mut input = asked.stdin.take().context("an input")?;
        input.write_all(page.as_bytes())?;
        drop(input);
        let answer = asked.wait_with_output()?;
        // 3 says that something is unusual.
        if answer.status.code() != Some(3) {
            succeeded(&answer)?;
        }
        let said = String::from_utf8_lossy(&answer.stderr);
        let lines = said.lines().map(|line| {
            let (metric, words) = line.split_once(' ').with_context(|| line.to_owned())?;
            Ok((metric.to_owned(), words.to_owned()))
        });
        lines.collect()
    }
}

fn succeeded(answer: &Output) -> Result<()> {
    let said = [&answer.stdout, &answer.stderr].map(|it| String::from_utf8_lossy(it));
    ensure!(answer.status.success(), "promtool: {}", said.concat());
    Ok(())
}
