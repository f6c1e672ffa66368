//! The licences of what is in a program, with the texts that come with it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::closure::Closure;
use super::packages::Packages;

/// How files with a licence, or with what it asks to be passed on, are called.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
/// Programs may be called so, too.
const NO_TEXT: [&str; 7] = ["rs", "c", "h", "py", "go", "json", "toml"];

/// The list for a program: each crate in it with its licence, and after that each text once.
///
/// # Errors
/// When a crate is not known, says no licence or cannot be read.
pub fn list(closure: &Closure, packages: &Packages) -> Result<String> {
    let program = &closure.program;
    let mut list = format!(
        "What is in {} {}, and under which licence.\n\n",
        program.name, program.version
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for id in closure.linked() {
        let package = packages.package(id)?;
        let name = format!("{} {}", id.name, id.version);
        writeln!(list, "{name}: {}", package.licence()?)?;
        if package.source.is_none() {
            continue;
        }
        let folder = package.manifest_path.parent();
        let files = files(folder.context("a manifest lies in a folder")?)?;
        if files.is_empty() {
            without.push(name.clone());
        }
        for file in files {
            let text =
                fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
            let of = texts.entry(text.trim().to_owned()).or_default();
            if of.last() != Some(&name) {
                of.push(name.clone());
            }
        }
    }
    if !without.is_empty() {
        writeln!(
            list,
            "\nWithout a text in their packages: {}.",
            without.join(", ")
        )?;
    }
    let mut texts: Vec<_> = texts.into_iter().map(|(text, of)| (of, text)).collect();
    texts.sort();
    for (of, text) in texts {
        write!(list, "\n{}\n{}:\n\n{text}\n", "=".repeat(80), of.join(", "))?;
    }
    Ok(list)
}

/// The files with licences in a folder and those below it: code of others that a crate brings has its own.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&path)?);
        } else if kind.is_file() && is_licence(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_uppercase();
    let is_text = path
        .extension()
        .is_none_or(|ending| !NO_TEXT.iter().any(|it| ending == *it));
    is_text && NAMES.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_known_by_their_files_names() {
        for name in [
            "LICENSE",
            "LICENSE-MIT",
            "license.md",
            "COPYING",
            "a/b/NOTICE.txt",
        ] {
            assert!(is_licence(Path::new(name)), "{name}");
        }
        for name in ["README.md", "src/license.rs", "notice.json"] {
            assert!(!is_licence(Path::new(name)), "{name}");
        }
    }
}
