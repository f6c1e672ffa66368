//! The CustomResourceDefinitions, generated from the types that define them.

mod definition;
mod exceptions;
pub mod files;
mod released;
mod schema;

use anyhow::{Result, bail};
use clap::Args;
use xshell::{Shell, cmd};

use self::files::Files;
use crate::project::Project;

/// Write the CustomResourceDefinitions of `crd-types` to `crds/`.
///
/// Fails, also after having written them, where they take something away from users of the last release.
#[derive(Args)]
pub struct GenCrds {
    /// Write nothing; fail if the committed files are not those that would be written
    #[arg(long)]
    check: bool,

    /// These are released: from now on users have them, and what comes after only adds to them
    #[arg(long, conflicts_with = "check")]
    release: bool,
}

impl GenCrds {
    pub fn run(self, project: &Project) -> Result<()> {
        if self.check {
            return check(project);
        }
        let generated = generate(&project.shell)?;
        files::write(&project.crds(), &generated)?;
        released::check(project, &generated)?;
        match self.release {
            true => released::renew(project, &generated),
            false => Ok(()),
        }
    }
}

/// Compares the committed files with those that the types give, and these with what users have.
///
/// # Errors
/// Names every file that differs, is missing or is left over, and every change that takes something away.
pub fn check(project: &Project) -> Result<()> {
    let generated = generate(&project.shell)?;
    let faults = compare(&files::read(&project.crds())?, &generated);
    let additive = released::check(project, &generated);
    if faults.is_empty() {
        return additive;
    }
    let mut told = format!(
        "the committed CRDs are not those of the types:\n  {}\nWrite them with `cargo xtask gen-crds`.",
        faults.join("\n  ")
    );
    if let Err(more) = additive {
        told = format!("{told}\n\n{more:#}");
    }
    bail!("{told}")
}

fn generate(sh: &Shell) -> Result<Files> {
    let folder = sh.create_temp_dir()?;
    let path = folder.path();
    cmd!(sh, "cargo run --example print-crds -- {path}")
        .quiet()
        .run()?;
    files::read(path)
}

/// One line for each file that is not the same on both sides.
fn compare(committed: &Files, generated: &Files) -> Vec<String> {
    let missing = generated
        .keys()
        .filter(|name| !committed.contains_key(*name))
        .map(|name| format!("crds/{name} is missing"));
    let other = committed
        .iter()
        .filter_map(|(name, text)| match generated.get(name) {
            None => Some(format!("crds/{name} is left over: no type gives it")),
            Some(wanted) if wanted == text => None,
            Some(wanted) => Some(format!(
                "crds/{name} differs {}",
                first_difference(text, wanted)
            )),
        });
    missing.chain(other).collect()
}

/// Where two texts differ first, and how.
pub fn first_difference(committed: &str, generated: &str) -> String {
    let line = committed
        .lines()
        .zip(generated.lines())
        .take_while(|(old, new)| old == new)
        .count();
    let show = |text: &str| match text.lines().nth(line) {
        Some(text) => format!("`{}`", text.trim()),
        None => "the end of the file".to_owned(),
    };
    format!(
        "at line {}: {} is committed, {} is generated",
        line + 1,
        show(committed),
        show(generated)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn equal_folders_have_no_fault() {
        let same = files(&[("a.yaml", "kind: A\n"), ("b.yaml", "kind: B\n")]);
        assert!(compare(&same, &same.clone()).is_empty());
    }

    #[test]
    fn each_file_that_is_not_the_same_is_named() {
        let committed = files(&[("gone.yaml", ""), ("old.yaml", "a: 1\nb: 2\n")]);
        let generated = files(&[("new.yaml", ""), ("old.yaml", "a: 1\nb: 3\n")]);
        assert_eq!(
            compare(&committed, &generated),
            [
                "crds/new.yaml is missing",
                "crds/gone.yaml is left over: no type gives it",
                "crds/old.yaml differs at line 2: `b: 2` is committed, `b: 3` is generated",
            ]
        );
    }

    #[test]
    fn a_shorter_file_differs_where_it_ends() {
        assert_eq!(
            first_difference("a: 1\n", "a: 1\nb: 2\n"),
            "at line 2: the end of the file is committed, `b: 2` is generated"
        );
    }
}
