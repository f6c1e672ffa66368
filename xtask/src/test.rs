//! Every test, on one control plane.

mod parts;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use xshell::cmd;

use crate::control_plane::{self, Shared};
use crate::gen_charts;
use crate::gen_crds;
use crate::gen_docs;
use crate::project::Project;
use parts::Parts;

/// Names the kubeconfig file of the control plane that the harness is to use.
const SHARED: &str = "E2E_CONTROL_PLANE";

/// What is tried on the oldest Kubernetes, too: the operators' programs, a bucket's life over lists that are not streamed,
/// charts. Tests of definitions are about what later API servers make of them.
const SHORT: [&str; 3] = ["canary", "installed", "life"];

/// Says to the harness which Kubernetes it is to run, and what it may say.
const RELEASE: &str = "E2E_KUBERNETES";
const NEWEST: &str = "newest";
const OLDEST: &str = "oldest";

/// Names a folder with a control plane that is there already.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Run the tests: unit, integration and documentation tests, and check the committed CRDs, charts and pages of
/// documentation that are generated; then some of the integration tests on the oldest Kubernetes.
///
/// Integration tests share one control plane, started for this run and stopped
/// at its end.
#[derive(Args)]
pub struct Test {
    /// Only the tests beside the code; starts no control plane
    #[arg(long, conflicts_with_all = ["integration", "oldest", "kubeconfig"])]
    unit: bool,

    /// Only the tests in the crates' `tests` folders
    #[arg(long)]
    integration: bool,

    /// Only what is tried on the oldest Kubernetes that the charts allow
    #[arg(long, conflicts_with_all = ["integration", "kubeconfig"])]
    oldest: bool,

    /// Use the cluster of this kubeconfig file (on this machine: tests refuse any other server) instead of starting one
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Arguments for `cargo test`, for example `-- -p cloud-operator bucket -- --nocapture`
    #[arg(last = true)]
    args: Vec<OsString>,
}

impl Test {
    pub fn run(self, project: &Project) -> Result<()> {
        let (sh, args) = (&project.shell, &self.args);
        let selection = self.selection();

        // What does not compile should say so before anything is started.
        let chosen = &selection;
        cmd!(sh, "cargo test --no-run {chosen...} {args...}").run()?;
        let mut parts = Parts::default();
        if self.checks_generated() {
            parts.run("definitions", || gen_crds::check(project));
            parts.run("pages", || gen_docs::check(project));
            parts.run("charts", || gen_charts::check(project));
        }
        if !self.oldest {
            parts.run("tests", || self.tests(project, &selection, NEWEST));
        }
        if self.oldest || self.is_whole() {
            println!("\nOn the oldest Kubernetes:");
            let tests = || self.tests(project, &short(), OLDEST);
            parts.run("tests on the oldest Kubernetes", tests);
        }
        parts.end()
    }

    fn tests(&self, project: &Project, selection: &[&str], release: &str) -> Result<()> {
        let (sh, args) = (&project.shell, &self.args);
        let _release = sh.push_env(RELEASE, release);
        let started = match self.kubeconfig {
            None if !self.unit => {
                project.build(&[control_plane::PROGRAM])?;
                Some(Shared::start(project, (RELEASE, release))?)
            }
            _ => None,
        };
        let mut tests = cmd!(sh, "cargo test --no-fail-fast {selection...} {args...}");
        let file = started.as_ref().map(Shared::kubeconfig);
        if let Some(file) = file.or(self.kubeconfig.as_deref()) {
            tests = tests.env(SHARED, std::path::absolute(file)?);
        }
        Ok(tests.run()?)
    }

    /// `cargo test`'s arguments for the wanted kinds of test; none means all.
    fn selection(&self) -> Vec<&'static str> {
        if self.unit {
            vec!["--lib", "--bins"]
        } else if self.integration {
            vec!["--test", "*"]
        } else if self.oldest {
            short()
        } else {
            Vec::new()
        }
    }

    /// Whether nothing was narrowed. Somebody's own control plane is of the release that it is.
    fn is_whole(&self) -> bool {
        let own = self.kubeconfig.is_some() || env::var_os(ASSETS).is_some_and(|it| !it.is_empty());
        self.checks_generated() && !own
    }

    /// A run that was narrowed to some tests is about these.
    fn checks_generated(&self) -> bool {
        !self.unit && !self.integration && !self.oldest && self.args.is_empty()
    }
}

/// `cargo test`'s arguments for what is tried on the oldest Kubernetes.
fn short() -> Vec<&'static str> {
    SHORT.iter().flat_map(|test| ["--test", test]).collect()
}
