//! Folders of generated files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// File names and contents.
pub type Files = BTreeMap<String, String>;

/// The files of a folder; none if there is no such folder.
///
/// # Errors
/// When one cannot be read.
pub fn read(folder: &Path) -> Result<Files> {
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
///
/// # Errors
/// When one cannot be written or removed.
pub fn write(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder)?;
    let old = read(folder)?;
    for name in old.keys().filter(|name| !files.contains_key(*name)) {
        let file = folder.join(name);
        fs::remove_file(&file)?;
        println!("removed {}", file.display());
    }
    for (name, text) in files {
        if old.get(name) != Some(text) {
            let file = folder.join(name);
            fs::write(&file, text)?;
            println!("wrote {}", file.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use xshell::Shell;

    use super::*;

    #[test]
    fn writing_makes_the_folder_hold_exactly_the_files() -> Result<()> {
        let files = |files: &[(&str, &str)]| -> Files {
            let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            files.iter().map(owned).collect()
        };
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
