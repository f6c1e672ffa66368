//! The pages of `docs/` that are made of the code that they are about.

use anyhow::{Context, Result};
use clap::Args;
use xshell::{Shell, TempDir, cmd};

use crate::project::Project;

/// The folders of `docs/` in which no page is written by hand.
const FOLDERS: [&str; 3] = ["conditions", "reference", "settings"];
/// What writes them, a part each.
const WRITERS: [&str; 3] = ["print-reference", "print-apigw-docs", "print-cloud-docs"];

/// Write the field reference, the conditions with their reasons, and the settings to `docs/`.
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
        for folder in FOLDERS {
            let page = made.join(folder);
            sh.remove_path(format!("docs/{folder}"))?;
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
    for folder in FOLDERS {
        let page = made.join(folder);
        cmd!(
            sh,
            "diff --recursive --new-file --unified=0 docs/{folder} {page}"
        )
        .quiet()
        .run()
        .with_context(|| {
            format!(
                "docs/{folder} is not what the code gives; write it with `cargo xtask gen-docs`"
            )
        })?;
    }
    Ok(())
}

fn generate(sh: &Shell) -> Result<TempDir> {
    let folder = sh.create_temp_dir()?;
    let path = folder.path();
    for writer in WRITERS {
        cmd!(sh, "cargo run --example {writer} -- {path}")
            .quiet()
            .run()?;
    }
    Ok(folder)
}
