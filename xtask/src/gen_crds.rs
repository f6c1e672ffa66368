//! The CustomResourceDefinitions, generated from the types that define them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use xshell::{Shell, cmd};

use crate::project::Project;

/// Write the CustomResourceDefinitions of `crd-types` to `crds/`.
#[derive(Args)]
pub struct GenCrds {
    /// Write nothing; fail if the committed files are not those that would be written
    #[arg(long)]
    check: bool,
}

impl GenCrds {
    pub fn run(self, project: &Project) -> Result<()> {
        if self.check {
            return check(project);
        }
        let generated = generate(&project.shell)?;
        write(&project.crds(), &generated)
    }
}

/// Compares the committed files with those that the types give.
///
/// # Errors
/// Names every file that differs, is missing or is left over.
pub fn check(project: &Project) -> Result<()> {
    let faults = compare(&read(&project.crds())?, &generate(&project.shell)?);
    if !faults.is_empty() {
        bail!(
            "the committed CRDs are not those of the types:\n  {}\nWrite them with `cargo xtask gen-crds`.",
            faults.join("\n  ")
        );
    }
    Ok(())
}

/// File names and contents.
type Files = BTreeMap<String, String>;

fn generate(sh: &Shell) -> Result<Files> {
    let folder = sh.create_temp_dir()?;
    let path = folder.path();
    cmd!(sh, "cargo run --example print-crds -- {path}")
        .quiet()
        .run()?;
    read(path)
}

fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    let context = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(name.into_owned(), text);
    }
    Ok(files)
}

/// Makes the folder hold exactly `files`.
fn write(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder)?;
    let old = read(folder)?;
    for name in old.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
        println!("removed crds/{name}");
    }
    for (name, text) in files {
        if old.get(name) != Some(text) {
            fs::write(folder.join(name), text)?;
            println!("wrote crds/{name}");
        }
    }
    Ok(())
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

fn first_difference(committed: &str, generated: &str) -> String {
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

    #[test]
    fn writing_makes_the_folder_hold_exactly_the_files() -> Result<()> {
        let sh = Shell::new()?;
        let parent = sh.create_temp_dir()?;
        let folder = parent.path().join("crds");
        write(&folder, &files(&[("a.yaml", "1"), ("b.yaml", "2")]))?;
        let wanted = files(&[("b.yaml", "3"), ("c.yaml", "4")]);
        write(&folder, &wanted)?;
        assert_eq!(read(&folder)?, wanted);
        Ok(())
    }
}
