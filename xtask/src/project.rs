//! The source tree, its packages, and the programs built from them.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// The source tree that this program was started from.
pub struct Project {
    root: PathBuf,
    programs: PathBuf,
    /// A shell that stands in the tree's root.
    pub shell: Shell,
}

impl Project {
    /// Finds the tree by what `cargo run` tells the programs that it starts.
    pub fn open() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set; start this by `cargo xtask`")?;
        let root = Path::new(&manifest)
            .parent()
            .context("the folder of xtask has no parent")?
            .to_owned();
        // Cargo puts the programs of one profile side by side.
        let programs = env::current_exe()?
            .parent()
            .context("this program lies in no folder")?
            .to_owned();
        let shell = Shell::new()?;
        shell.change_dir(&root);
        for (name, value) in build_stamp(&shell) {
            shell.set_var(name, value);
        }
        Ok(Self {
            root,
            programs,
            shell,
        })
    }

    /// The committed CustomResourceDefinitions.
    pub fn crds(&self) -> PathBuf {
        self.root.join("crds")
    }

    /// The definitions of the last release: those that users have.
    pub fn released_crds(&self) -> PathBuf {
        self.root.join("crates/crd-types/released")
    }

    /// The Helm charts.
    pub fn charts(&self) -> PathBuf {
        self.root.join("charts")
    }

    /// The page on an operator's settings.
    pub fn settings_page(&self, operator: &str) -> PathBuf {
        self.root.join(format!("docs/settings/{operator}.md"))
    }

    /// What was changed since the last release although it takes something away from users.
    pub fn breaking_changes(&self) -> PathBuf {
        self.root.join("crates/crd-types/breaking-changes.yaml")
    }

    /// Where Cargo puts the program `name`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Where Cargo puts the program `name` when it is built optimised.
    pub fn optimised(&self, name: &str) -> PathBuf {
        self.programs.join("../release").join(name)
    }

    /// Builds programs of the workspace, with Cargo's progress on the terminal.
    ///
    /// The features of the dependencies come out as for the tests, so that none of
    /// them is built twice: no package is named, and an example is built too, as only
    /// this makes Cargo count the features that development dependencies ask for.
    pub fn build(&self, programs: &[&str]) -> Result<()> {
        let bins = programs.iter().flat_map(|name| ["--bin", name]);
        cmd!(self.shell, "cargo build {bins...} --example print-crds")
            .quiet()
            .run()?;
        Ok(())
    }

    /// Replaces this process by a built program, so that signals reach it and
    /// its exit code is this command's.
    pub fn exec<I>(&self, program: &str, args: I, env: &[(&str, &str)]) -> Result<()>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let path = self.program(program);
        let error = Command::new(&path)
            .args(args)
            .envs(env.iter().copied())
            .exec();
        Err(error).with_context(|| format!("cannot start {}", path.display()))
    }

    /// The names of all packages of the workspace.
    pub fn packages(&self) -> Result<Vec<String>> {
        let tree = cmd!(
            self.shell,
            "cargo tree --quiet --workspace --depth 0 --prefix none"
        )
        .quiet()
        .read()?;
        Ok(tree
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    /// The names of all operators.
    pub fn operators(&self) -> Result<Vec<String>> {
        let mut operators = self.packages()?;
        operators.retain(|package| package.ends_with("-operator"));
        Ok(operators)
    }

    /// The operator called `name`, with or without its ending `-operator`.
    pub fn operator(&self, name: &str) -> Result<String> {
        let operators = self.operators()?;
        match choose(&operators, name) {
            Some(operator) => Ok(operator.to_owned()),
            None => bail!("no operator {name:?}; there are: {}", operators.join(", ")),
        }
    }
}

/// What a program is told, while it is built, of the source that it is built from: `build_info` shows it. Nothing where
/// the tree is not a clone.
fn build_stamp(shell: &Shell) -> Vec<(&'static str, String)> {
    let git = |args: &[&str]| cmd!(shell, "git {args...}").quiet().ignore_stderr().read();
    let Ok(commit) = git(&["rev-parse", "HEAD"]) else {
        return Vec::new();
    };
    let mut stamp = Vec::new();
    // The time of building would make two builds of one commit differ.
    if let Ok(time) = git(&["show", "--no-patch", "--format=%cI", "HEAD"]) {
        stamp.push(("BUILD_TIME", time));
    }
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])
        .is_ok_and(|changes| !changes.is_empty());
    let suffix = if changed { "-dirty" } else { "" };
    stamp.push(("BUILD_COMMIT", format!("{commit}{suffix}")));
    stamp
}

fn choose<'a>(operators: &'a [String], name: &str) -> Option<&'a str> {
    operators
        .iter()
        .find(|operator| *operator == name || operator.strip_suffix("-operator") == Some(name))
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_found_by_its_full_and_its_short_name() {
        let operators = ["apigw-operator", "cloud-operator"].map(String::from);
        assert_eq!(choose(&operators, "cloud"), Some("cloud-operator"));
        assert_eq!(choose(&operators, "apigw-operator"), Some("apigw-operator"));
        assert_eq!(choose(&operators, "clou"), None);
        assert_eq!(choose(&operators, ""), None);
    }

    #[test]
    fn a_build_is_stamped_with_its_commit_and_whether_the_tree_differs() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.change_dir(folder.path());
        shell.set_var("GIT_CEILING_DIRECTORIES", folder.path());
        assert_eq!(build_stamp(&shell), []);

        shell.write_file("file", "one").unwrap();
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        cmd!(shell, "git init --quiet").run().unwrap();
        cmd!(shell, "git add file").run().unwrap();
        cmd!(shell, "git {who...} commit --quiet --message=one")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+02:00")
            .run()
            .unwrap();
        let commit = cmd!(shell, "git rev-parse HEAD").read().unwrap();
        let time = "2026-01-02T03:04:05+02:00".to_owned();
        let clean = [
            ("BUILD_TIME", time.clone()),
            ("BUILD_COMMIT", commit.clone()),
        ];
        assert_eq!(build_stamp(&shell), clean);

        shell.write_file("file", "two").unwrap();
        let changed = [
            ("BUILD_TIME", time),
            ("BUILD_COMMIT", format!("{commit}-dirty")),
        ];
        assert_eq!(build_stamp(&shell), changed);
    }
}
