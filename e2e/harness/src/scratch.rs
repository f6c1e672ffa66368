//! Folders for what a run leaves behind: removed by their owner, or by the next run when the owner
//! could not.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder under the system's temporary one, readable by its user alone and removed on drop.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    // The kernel drops the lock with the process: a folder that can be locked has no owner any more.
    _owned: File,
}

impl Scratch {
    /// Makes a folder whose name begins with `purpose`, and removes those of dead processes.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn new(purpose: &str) -> Result<Self> {
        let root = root()?;
        // A folder has no lock at the moment of its making: nobody may sweep then.
        let turn = locked(&root.join("turn"))?;
        sweep(&root);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{purpose}-"))
            .tempdir_in(&root)
            .with_context(|| format!("cannot make a folder in {}", root.display()))?;
        let owned = locked(&owner_lock(folder.path()))?;
        drop(turn);
        Ok(Self {
            folder,
            _owned: owned,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The folder that holds everything temporary of this user's runs, made when missing.
///
/// # Errors
/// When it cannot be made.
pub fn root() -> Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let root = std::env::temp_dir().join(format!("operator-suite-{user}"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&root)
        .with_context(|| format!("cannot make the folder {}", root.display()))?;
    Ok(root)
}

fn owner_lock(folder: &Path) -> PathBuf {
    folder.join("owner.lock")
}

fn locked(path: &Path) -> Result<File> {
    let lock = || -> io::Result<File> {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}

fn sweep(root: &Path) {
    // What cannot be read or removed now, the next run tries again.
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let abandoned = File::open(owner_lock(&folder)).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_an_owner_are_swept() {
        let root = tempfile::tempdir().unwrap();
        let alive = root.path().join("alive");
        let dead = root.path().join("dead");
        let other = root.path().join("other");
        for folder in [&alive, &dead, &other] {
            fs::create_dir(folder).unwrap();
        }
        let _owner = locked(&owner_lock(&alive)).unwrap();
        drop(locked(&owner_lock(&dead)).unwrap());

        sweep(root.path());

        assert!(alive.exists());
        assert!(!dead.exists());
        assert!(other.exists(), "a folder without our lock file is not ours");
    }

    #[test]
    fn a_folder_goes_with_its_value() {
        let scratch = Scratch::new("scratch-test").unwrap();
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}
