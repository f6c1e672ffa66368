//! Charts as they lie elsewhere than in a clone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What becomes of a link where a folder is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// What it leads to takes its place.
    Followed,
    /// Nothing does: so some take files from Git.
    LeftOut,
}

/// Copies a folder with all that is in it.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy(from: &Path, to: &Path, links: Links) -> Result<()> {
    let read = || format!("cannot copy {}", from.display());
    fs::create_dir_all(to).with_context(read)?;
    for entry in fs::read_dir(from).with_context(read)? {
        let entry = entry?;
        if entry.file_type()?.is_symlink() && links == Links::LeftOut {
            continue;
        }
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied, links)?;
        } else {
            fs::copy(&path, &copied).with_context(read)?;
        }
    }
    Ok(())
}
