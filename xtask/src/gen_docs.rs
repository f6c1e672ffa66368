//! The pages of `docs/` that are made of the code that they are about.

use anyhow::{Context, Result};
use clap::Args;
use xshell::{Shell, TempDir, cmd};

use crate::project::Project;

/// What of `docs/` is not written by hand: pages, and folders of them.
const MADE: [&str; 7] = [
    "alerts.md",
    "conditions",
    "errors.md",
    "iam.md",
    "rbac.md",
    "reference",
    "settings",
];
/// What writes them, a part each: `cargo run` with these arguments and a folder.
const WRITERS: [[&str; 2]; 2] = [["--example", "print-reference"], ["--package", "pages"]];

/// Write to `docs/` what is made of the code: the field reference, the conditions with their reasons, the settings, what
/// AWS's errors mean, what is to be allowed in AWS and in the cluster, and the alerts.
#[derive(Args)]
pub struct GenDocs {
    /// Write nothing; fail if the committed pages are not those that would be written
    #[arg(long)]
    check: bool,
}

impl GenDocs {
    pub fn run(self, project: &Project) -> Result<()> {
        if self.check {
            return check(project);
        }
        let made = generate(&project.shell)?;
        let (sh, made) = (&project.shell, made.path());
        for name in MADE {
            let page = made.join(name);
            sh.remove_path(format!("docs/{name}"))?;
            cmd!(sh, "cp -r {page} docs/").quiet().run()?;
        }
        Ok(())
    }
}

/// Compares the committed pages with those that the code gives.
///
/// # Errors
/// Where one differs, is missing or is left over; the terminal shows which, and how.
pub fn check(project: &Project) -> Result<()> {
    let made = generate(&project.shell)?;
    let (sh, made) = (&project.shell, made.path());
    for name in MADE {
        let page = made.join(name);
        cmd!(
            sh,
            "diff --recursive --new-file --unified=0 docs/{name} {page}"
        )
        .quiet()
        .run()
        .with_context(|| {
            format!("docs/{name} is not what the code gives; write it with `cargo xtask gen-docs`")
        })?;
    }
    Ok(())
}

fn generate(sh: &Shell) -> Result<TempDir> {
    let folder = sh.create_temp_dir()?;
    let path = folder.path();
    for writer in WRITERS {
        cmd!(sh, "cargo run {writer...} -- {path}").quiet().run()?;
    }
    Ok(folder)
}
