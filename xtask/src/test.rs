//! Every test, on one control plane.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use xshell::cmd;

use crate::control_plane::{self, Shared};
use crate::gen_charts;
use crate::gen_crds;
use crate::gen_docs;
use crate::project::Project;

/// Names the kubeconfig file of the control plane that the harness is to use.
const SHARED: &str = "E2E_CONTROL_PLANE";

/// Run the tests: unit, integration and documentation tests, and check the committed CRDs, charts and pages of
/// documentation that are generated.
///
/// Integration tests share one control plane, started for this run and stopped
/// at its end.
#[derive(Args)]
pub struct Test {
    /// Only the tests beside the code; starts no control plane
    #[arg(long, conflicts_with_all = ["integration", "kubeconfig"])]
    unit: bool,

    /// Only the tests in the crates' `tests` folders
    #[arg(long)]
    integration: bool,

    /// Use the cluster of this kubeconfig file (on this machine: tests refuse any other server) instead of starting one
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Arguments for `cargo test`, for example `-- -p cloud-operator bucket -- --nocapture`
    #[arg(last = true)]
    args: Vec<OsString>,
}

impl Test {
    pub fn run(self, project: &Project) -> Result<()> {
        let Self {
            kubeconfig, args, ..
        } = &self;
        let sh = &project.shell;
        let selection = self.selection();

        // What does not compile should say so before anything is started.
        cmd!(sh, "cargo test --no-run {selection...} {args...}").run()?;
        let checked = self.checks_generated().then(|| {
            [gen_crds::check, gen_docs::check, gen_charts::check].map(|check| check(project))
        });

        let started = match kubeconfig {
            None if !self.unit => {
                project.build(&[control_plane::PROGRAM])?;
                Some(Shared::start(project)?)
            }
            _ => None,
        };
        let mut tests = cmd!(sh, "cargo test --no-fail-fast {selection...} {args...}");
        if let Some(file) = started
            .as_ref()
            .map(Shared::kubeconfig)
            .or(kubeconfig.as_deref())
        {
            tests = tests.env(SHARED, std::path::absolute(file)?);
        }
        let tested = tests.run();
        drop(started);

        let failed: Vec<_> = checked
            .into_iter()
            .flatten()
            .chain([tested.map_err(Into::into)])
            .filter_map(Result::err)
            .map(|error| format!("{error:#}"))
            .collect();
        if !failed.is_empty() {
            bail!("{}", failed.join("\n\n"));
        }
        Ok(())
    }

    /// `cargo test`'s arguments for the wanted kinds of test; none means all.
    fn selection(&self) -> &'static [&'static str] {
        if self.unit {
            &["--lib", "--bins"]
        } else if self.integration {
            &["--test", "*"]
        } else {
            &[]
        }
    }

    /// A run that was narrowed to some tests is about these.
    fn checks_generated(&self) -> bool {
        !self.unit && !self.integration && self.args.is_empty()
    }
}
