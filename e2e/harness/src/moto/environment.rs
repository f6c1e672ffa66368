//! The Python environment that moto runs in, made once and kept.

use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process;

const REQUIREMENTS: &str = include_str!("../../../moto/requirements.txt");

const WAYS_OUT: &str = "\
moto needs Python 3.11 or newer as `python3` on PATH, with venv and pip. Ways out:
  - Debian, Ubuntu: apt-get install python3 python3-venv
  - Fedora: dnf install python3
  - where pip cannot reach its index: point it to yours by pip's own settings (PIP_INDEX_URL, or
    PIP_NO_INDEX=1 with PIP_FIND_LINKS=a folder that has the packages of e2e/moto/requirements.txt)";

/// The folder of an environment that has everything; makes it when there is none.
pub(super) async fn prepare() -> Result<PathBuf> {
    let python = Python::find().context(WAYS_OUT)?;
    let home = cache()?.join("moto");
    fs::create_dir_all(&home)
        .with_context(|| format!("cannot make the folder {}", home.display()))?;
    let folder = home.join(python.key());
    // A virtual environment cannot be moved into its place when it is done, so it is marked instead.
    let complete = folder.join(".complete");
    if complete.exists() {
        return Ok(folder);
    }

    let _turn = turn(&folder.with_extension("lock")).await?;
    if complete.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    eprintln!(
        "moto: making its Python environment in {}",
        folder.display()
    );
    install(&folder).await.context(WAYS_OUT)?;
    File::create(complete)?;
    eprintln!("moto: installed");
    Ok(folder)
}

/// The interpreter that `python3` names.
struct Python {
    version: String,
    /// An environment has links to it.
    prefix: String,
}

impl Python {
    fn find() -> Result<Self> {
        let facts = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)";
        let asked = Command::new("python3").args(["-c", facts]).output();
        let asked = asked.context("cannot run python3")?;
        let said = String::from_utf8_lossy(&asked.stdout).into_owned();
        let mut lines = said.lines().map(str::to_owned);
        match (asked.status.success(), lines.next(), lines.next()) {
            (true, Some(version), Some(prefix)) => Self { version, prefix }.checked(),
            _ => bail!(
                "python3 does not work ({}): {}",
                asked.status,
                String::from_utf8_lossy(&asked.stderr)
            ),
        }
    }

    fn checked(self) -> Result<Self> {
        let numbers: Vec<u32> = self.version.split('.').flat_map(str::parse).collect();
        ensure!(
            numbers >= vec![3, 11],
            "python3 is version {}",
            self.version
        );
        Ok(self)
    }

    fn key(&self) -> String {
        // Another hash after a change of compiler costs one installation, no more.
        let mut hash = DefaultHasher::new();
        (REQUIREMENTS, &self.version, &self.prefix).hash(&mut hash);
        format!("{:016x}", hash.finish())
    }
}

fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = match (set("XDG_CACHE_HOME"), set("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => bail!("neither XDG_CACHE_HOME nor HOME says where to keep moto"),
    };
    Ok(base.join("operator-suite"))
}

/// Held until dropped: two processes never install at once.
async fn turn(path: &Path) -> Result<File> {
    let context = || format!("cannot lock {}", path.display());
    let file = File::create(path).with_context(context)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(e)) => return Err(e).with_context(context),
    }
    eprintln!("moto: another process is installing it; waiting for that");
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .with_context(context)
}

async fn install(folder: &Path) -> Result<()> {
    let log = folder.with_extension("log");
    // Of this installation only.
    File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;

    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    run(venv, "python3 -m venv", &log).await?;

    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
    ])
    .args(["--disable-pip-version-check", "--no-deps", "-r"])
    .arg(list);
    run(pip, "pip install", &log).await
}

async fn run(command: Command, name: &str, log: &Path) -> Result<()> {
    const PROGRESS: Duration = Duration::from_secs(5);
    let child = process::spawn(command, log)?;
    let mut passed = Duration::ZERO;
    let status = loop {
        match tokio::time::timeout(PROGRESS, child.wait()).await {
            Ok(status) => break status,
            Err(_) => {
                passed += PROGRESS;
                eprintln!(
                    "moto: {name}, {} s: {}",
                    passed.as_secs(),
                    child.log_tail(1)
                );
            }
        }
    };
    ensure!(
        status.success(),
        "{name} failed ({status}):\n{}",
        child.log_tail(20)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(version: &str) -> Python {
        Python {
            version: version.into(),
            prefix: "/usr".into(),
        }
    }

    #[test]
    fn an_old_python_is_refused_by_its_version() {
        for version in ["3.11.0", "3.14.2", "4.0.0"] {
            assert!(python(version).checked().is_ok(), "{version}");
        }
        for version in ["2.7.18", "3.10.14"] {
            let error = python(version).checked().err().unwrap().to_string();
            assert!(error.contains(version), "{error}");
        }
    }

    #[test]
    fn another_python_has_another_environment() {
        assert_eq!(python("3.11.1").key(), python("3.11.1").key());
        assert_ne!(python("3.11.1").key(), python("3.11.2").key());
    }

    #[test]
    fn every_requirement_is_pinned() {
        let requirements = REQUIREMENTS.lines().filter(|line| !line.starts_with('#'));
        let loose: Vec<_> = requirements.filter(|line| !line.contains("==")).collect();
        assert!(loose.is_empty(), "{loose:?}");
    }

    #[tokio::test]
    async fn a_failing_installation_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo the reason; exit 3"]);
        let error = run(command, "it", &folder.path().join("log"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("the reason"), "{error}");
    }
}
