//! A folder whose files change all at once, as the kubelet's do: names in it are links through `..data`, and that link
//! alone is replaced.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::volumes::Files;

/// Leads to the files that hold.
const DATA: &str = "..data";

/// Becomes that link, once the files are there.
const NEXT: &str = "..data_tmp";

/// A folder and what it holds now.
pub struct Folder {
    path: PathBuf,
    group: Option<u32>,
    written: Option<Files>,
    times: u64,
}

impl Folder {
    /// A folder that is still to be filled; its files belong to `group`, which may read them, if there is one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(path: PathBuf, group: Option<u32>) -> io::Result<Self> {
        make(&path)?;
        Ok(Self {
            path,
            group,
            written: None,
            times: 0,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `files` its content; says whether that is a change.
    ///
    /// # Errors
    /// When something cannot be written. Then what was there before holds on, or all that is new is there and names are
    /// missing; the next try brings it into order.
    pub fn fill(&mut self, files: Files) -> io::Result<bool> {
        if self.written.as_ref() == Some(&files) {
            return Ok(false);
        }
        self.written = None;
        self.times += 1;
        let content = format!("..{}", self.times);
        self.write(&content, &files)?;
        self.lead_to(&content)?;
        // Only now do all names lead somewhere.
        let (now, before) = (names(&files), self.entries()?);
        for name in now.iter().filter(|name| !before.contains(*name)) {
            symlink(Path::new(DATA).join(name), self.path.join(name))?;
        }
        for name in before {
            if name.starts_with("..") {
                if name != DATA && name != content {
                    fs::remove_dir_all(self.path.join(name))?;
                }
            } else if !now.contains(&name) {
                fs::remove_file(self.path.join(name))?;
            }
        }
        self.written = Some(files);
        Ok(true)
    }

    /// Writes the files into a folder of this name.
    fn write(&self, folder: &str, files: &Files) -> io::Result<()> {
        let folder = self.path.join(folder);
        make(&folder)?;
        for (path, file) in files {
            let path = folder.join(path);
            let folders = path.ancestors().skip(1).take_while(|it| *it != folder);
            for folder in folders.collect::<Vec<_>>().into_iter().rev() {
                make(folder)?;
            }
            fs::write(&path, &file.content)?;
            let readable = if self.group.is_some() { 0o440 } else { 0 };
            fs::set_permissions(&path, Permissions::from_mode(file.mode | readable))?;
            chown(&path, None, self.group)?;
        }
        Ok(())
    }

    fn lead_to(&self, content: &str) -> io::Result<()> {
        let next = self.path.join(NEXT);
        match fs::remove_file(&next) {
            // Left by a try that failed.
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        symlink(content, &next)?;
        fs::rename(next, self.path.join(DATA))
    }

    fn entries(&self) -> io::Result<BTreeSet<String>> {
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let entries = fs::read_dir(&self.path)?;
        entries.map(|entry| entry.map(name)).collect()
    }
}

/// Makes a folder that everybody may read, whatever this process's mask.
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// The first parts of the paths.
fn names(files: &Files) -> BTreeSet<String> {
    let first = |path: &String| path.split('/').next().unwrap_or(path).to_owned();
    files.keys().map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::super::volumes::File;
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        let files = files.iter();
        let file = |text: &str| File {
            content: text.into(),
            mode: 0o640,
        };
        files
            .map(|(path, text)| ((*path).to_owned(), file(text)))
            .collect()
    }

    #[test]
    fn content_changes_by_one_link_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::make(dir.path().join("v"), None).unwrap();
        let read = |path: &str| fs::read_to_string(dir.path().join("v").join(path)).ok();

        assert!(folder.fill(files(&[("a", "1"), ("sub/b", "2")])).unwrap());
        assert_eq!(read("a").as_deref(), Some("1"));
        assert_eq!(read("sub/b").as_deref(), Some("2"));
        let link = fs::read_link(folder.path().join("a")).unwrap();
        assert_eq!(link, Path::new("..data/a"));
        let mode = fs::metadata(folder.path().join("a"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640);
        let before = fs::read_link(folder.path().join(DATA)).unwrap();

        assert!(!folder.fill(files(&[("a", "1"), ("sub/b", "2")])).unwrap());
        assert_eq!(fs::read_link(folder.path().join(DATA)).unwrap(), before);

        assert!(folder.fill(files(&[("a", "3"), ("c", "4")])).unwrap());
        assert_eq!(read("a").as_deref(), Some("3"));
        assert_eq!(read("c").as_deref(), Some("4"));
        assert_eq!(read("sub/b"), None);
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["..2", "..data", "a", "c"]);
    }

    #[test]
    fn what_a_try_has_left_that_failed_is_brought_into_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::make(dir.path().join("v"), None).unwrap();
        folder.fill(files(&[("a", "1")])).unwrap();
        // As if it had failed after its files were in force, and one before that.
        folder.write("..7", &files(&[("b", "2")])).unwrap();
        folder.lead_to("..7").unwrap();
        symlink("..8", folder.path().join(NEXT)).unwrap();
        folder.written = None;
        symlink("..data/b", folder.path().join("b")).unwrap();

        assert!(folder.fill(files(&[("b", "3"), ("c", "4")])).unwrap());
        assert_eq!(
            Vec::from_iter(folder.entries().unwrap()),
            ["..2", "..data", "b", "c"]
        );
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!((read("b"), read("c")), ("3".to_owned(), "4".to_owned()));
    }

    #[test]
    fn a_group_may_read_what_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::getgid().as_raw();
        let mut folder = Folder::make(dir.path().join("v"), Some(own)).unwrap();
        let private = File {
            content: Vec::new(),
            mode: 0o400,
        };
        folder.fill([("key".to_owned(), private)].into()).unwrap();
        let mode = fs::metadata(folder.path().join("key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o440);
    }
}
