//! Every test, on one control plane.

mod parts;
mod theirs;

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
use theirs::Theirs;

/// Names the kubeconfig file of the control plane that the harness is to use.
const SHARED: &str = "E2E_CONTROL_PLANE";

/// What is tried on the oldest Kubernetes, too: the operators' programs, a bucket's life over lists that are not streamed,
/// charts, their rollback, and their Pods at work. Tests of definitions are about what later API servers make of them.
const SHORT: [&str; 5] = ["canary", "held", "installed", "ipv6", "life"];

/// The programs that run Pods, each in a cluster of its own.
const E2E: [&str; 3] = ["bench", "ipv6", SCENARIOS];

/// The one of them that can take somebody's cluster instead.
const SCENARIOS: &str = "scenarios";

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
    #[arg(long, conflicts_with_all = ["integration", "e2e", "oldest", "kubeconfig"])]
    unit: bool,

    /// Only the tests in the crates' `tests` folders
    #[arg(long, conflicts_with = "e2e")]
    integration: bool,

    /// Only those that run Pods: the node's, and the scenarios of installed charts
    #[arg(long)]
    e2e: bool,

    /// Only what is tried on the oldest Kubernetes that the charts allow
    #[arg(long, conflicts_with_all = ["integration", "e2e", "kubeconfig"])]
    oldest: bool,

    /// Use the cluster of this kubeconfig file instead of starting one. It must be on this machine, as tests refuse any
    /// other server; with `--e2e` it may be any that has nothing of the project's, and the scenarios run there
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    #[command(flatten)]
    theirs: Theirs,

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
            let tests = || self.tests(project, &named(&SHORT), OLDEST);
            parts.run("tests on the oldest Kubernetes", tests);
        }
        parts.end()
    }

    fn tests(&self, project: &Project, selection: &[&str], release: &str) -> Result<()> {
        let (sh, args) = (&project.shell, &self.args);
        let _release = sh.push_env(RELEASE, release);
        let started = match self.kubeconfig {
            None if !self.unit && !self.e2e => {
                project.build(&[control_plane::PROGRAM])?;
                Some(Shared::start(project, (RELEASE, release))?)
            }
            _ => None,
        };
        let tests = cmd!(sh, "cargo test --no-fail-fast {selection...} {args...}");
        let file = started.as_ref().map(Shared::kubeconfig);
        let tests = match file.or(self.kubeconfig.as_deref()) {
            Some(file) if self.e2e => self.theirs.tell(tests, file)?,
            Some(file) => tests.env(SHARED, std::path::absolute(file)?),
            None => tests,
        };
        Ok(tests.run()?)
    }

    /// `cargo test`'s arguments for the wanted kinds of test; none means all.
    fn selection(&self) -> Vec<&'static str> {
        if self.unit {
            vec!["--lib", "--bins"]
        } else if self.integration {
            vec!["--test", "*"]
        } else if self.e2e {
            match self.kubeconfig {
                Some(_) => named(&[SCENARIOS]),
                None => named(&E2E),
            }
        } else if self.oldest {
            named(&SHORT)
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
        let narrowed = self.unit || self.integration || self.e2e || self.oldest;
        !narrowed && self.args.is_empty()
    }
}

/// `cargo test`'s arguments for the programs of these names.
fn named(tests: &[&'static str]) -> Vec<&'static str> {
    tests.iter().flat_map(|&test| ["--test", test]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        test: Test,
    }

    fn told(arguments: &[&str]) -> Result<Test, clap::Error> {
        let arguments = std::iter::once("test").chain(arguments.iter().copied());
        Command::try_parse_from(arguments).map(|it| it.test)
    }

    #[test]
    fn what_runs_pods_is_tried_by_itself() {
        let alone = told(&["--e2e"]).unwrap();
        let all = ["--test", "bench", "--test", "ipv6", "--test", "scenarios"];
        assert_eq!(alone.selection(), all);
        assert!(!alone.checks_generated());
        let theirs = told(&["--e2e", "--kubeconfig", "file"]).unwrap();
        assert_eq!(theirs.selection(), ["--test", "scenarios"]);
        assert!(told(&[]).unwrap().selection().is_empty());
        for other in ["--unit", "--integration", "--oldest"] {
            assert!(told(&["--e2e", other]).is_err(), "{other}");
        }
    }

    #[test]
    fn somebodys_cluster_is_described_only_where_one_is_taken() {
        let described = ["--registry=example.org", "--tag=1", "--address=10.0.0.1"];
        for option in described {
            assert!(told(&["--e2e", option]).is_err(), "{option}");
            assert!(told(&["--kubeconfig=file", option]).is_err(), "{option}");
        }
        let all = [&["--e2e", "--kubeconfig=file"][..], &described].concat();
        assert!(told(&all).is_ok());
    }

    /// They have a `main` of their own, by which they enter namespaces.
    #[test]
    fn all_that_run_pods_are_listed() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e");
        let mut found = BTreeSet::new();
        for folder in fs::read_dir(crates).unwrap() {
            let manifest = folder.unwrap().path().join("Cargo.toml");
            // Beside the crates there are folders of other languages.
            let manifest = fs::read_to_string(manifest).unwrap_or_default();
            for test in manifest.split("[[test]]").skip(1) {
                if test.contains("harness = false") {
                    let name = test.split('"').nth(1).unwrap();
                    found.insert(name.to_owned());
                }
            }
        }
        assert_eq!(found, BTreeSet::from(E2E.map(String::from)));
    }
}
