//! What an image is made of: a commit, and nothing else that lies about.

use std::path::Path;

use anyhow::{Context, Result};
use xshell::{Shell, TempDir, cmd};

/// The files of a commit, in a folder of their own.
pub struct Source {
    /// Its hash.
    pub commit: String,
    /// When it was made, as in `2026-01-02T03:04:05+00:00`.
    pub time: String,
    folder: TempDir,
}

impl Source {
    /// The last commit.
    ///
    /// # Errors
    /// Where the tree is not a clone.
    pub fn head(sh: &Shell) -> Result<Self> {
        let show = |format: &str| {
            cmd!(sh, "git show --no-patch --format={format} HEAD")
                .quiet()
                .read()
                .context("an image is made of a commit")
        };
        let changes = cmd!(sh, "git status --porcelain").quiet().read()?;
        if !changes.is_empty() {
            eprintln!("Note: the image is of the last commit; it has nothing of these:\n{changes}");
        }
        let source = Self {
            commit: show("%H")?,
            time: show("%cI")?,
            folder: sh.create_temp_dir()?,
        };
        let (commit, folder) = (&source.commit, source.folder());
        // Beside the folder would be in the way of another run's, and within it would be in the image's source.
        let archives = sh.create_temp_dir()?;
        let archive = archives.path().join("source.tar");
        cmd!(sh, "git archive --output={archive} {commit}")
            .quiet()
            .run()?;
        cmd!(sh, "tar --extract --file {archive} --directory {folder}")
            .quiet()
            .run()?;
        Ok(source)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
