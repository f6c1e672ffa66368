//! What users read: that links lead somewhere, that names name something, that what is to be copied works.

mod gitops;
mod health;
mod links;
mod markdown;
mod names;
mod recordings;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::markdown::Page;

/// The project's folder.
fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().context("the project's folder")
}

/// All pages of the project, by their files.
fn pages() -> Result<BTreeMap<PathBuf, Page>> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![root()?];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let name = entry.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            // What is built, and what tools keep, is not ours.
            if kind.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(entry);
            } else if kind.is_file() && name.ends_with(".md") {
                let page = Page::read(&fs::read_to_string(&entry)?);
                pages.insert(entry, page);
            }
        }
    }
    Ok(pages)
}
