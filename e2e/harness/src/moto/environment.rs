//! The Python environment that moto runs in, made once and kept.

use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process;
use crate::progress::say;

const REQUIREMENTS: &str = include_str!("../../../moto/requirements.txt");

const WAYS_OUT: &str = "\
moto needs Python 3.11 or newer as `python3` on PATH, with venv and pip. Ways out:
  - Debian, Ubuntu: apt-get install python3 python3-venv
  - Fedora: dnf install python3
  - where pip cannot reach its index: point it to yours by pip's own settings (PIP_INDEX_URL, or
    PIP_NO_INDEX=1 with PIP_FIND_LINKS=a folder that has the packages of e2e/moto/requirements.txt)";

/// The folder of an environment that has everything; makes it when there is none.
///
/// # Errors
/// When it cannot be made; the message names the ways out.
pub(super) async fn prepare() -> Result<PathBuf> {
    Place::of_this_process()?.prepare().await
}

/// What decides which environment is used, and where it is.
struct Place {
    python: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn of_this_process() -> Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = match (set("XDG_CACHE_HOME"), std::env::home_dir()) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => home.join(".cache"),
            (None, None) => bail!("neither XDG_CACHE_HOME nor HOME is set: no place for a cache"),
        };
        Ok(Self {
            python: "python3".into(),
            folder: cache.join("operator-suite/moto"),
        })
    }

    async fn prepare(&self) -> Result<PathBuf> {
        let facts = Facts::of(&self.python).context(WAYS_OUT)?;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        let environment = self.folder.join(facts.key());
        // An environment cannot be made elsewhere and moved into its place, so it is marked
        // instead.
        let complete = environment.join(".complete");
        if complete.exists() {
            return Ok(environment);
        }

        let _turn = turn(&environment.with_extension("lock")).await?;
        if complete.exists() {
            return Ok(environment);
        }
        if environment.exists() {
            fs::remove_dir_all(&environment)?;
        }
        say(&format!("moto: installing into {}", environment.display()));
        self.install(&environment).await.context(WAYS_OUT)?;
        File::create(complete)?;
        say("moto: installed");
        Ok(environment)
    }

    async fn install(&self, environment: &Path) -> Result<()> {
        let log = environment.with_extension("log");
        // Of this installation only.
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;

        let mut venv = Command::new(&self.python);
        venv.args(["-m", "venv"]).arg(environment);
        run(venv, "python3 -m venv", &log).await?;

        let list = environment.join("requirements.txt");
        fs::write(&list, REQUIREMENTS)?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args(["-m", "pip", "install", "--no-input", "--progress-bar"])
            .args(["off", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(list);
        run(pip, "pip install", &log).await
    }
}

/// What an environment depends on.
struct Facts {
    version: String,
    /// An environment has links to it.
    prefix: String,
}

impl Facts {
    fn of(python: &Path) -> Result<Self> {
        let question =
            "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)";
        let asked = Command::new(python).args(["-c", question]).output();
        let asked = asked.with_context(|| format!("cannot run {}", python.display()))?;
        let said = String::from_utf8_lossy(&asked.stdout);
        let mut lines = said.lines().map(str::to_owned);
        let (true, Some(version), Some(prefix)) =
            (asked.status.success(), lines.next(), lines.next())
        else {
            bail!(
                "{} does not work ({}): {}",
                python.display(),
                asked.status,
                String::from_utf8_lossy(&asked.stderr)
            );
        };
        let numbers: Vec<u32> = version.split('.').flat_map(str::parse).collect();
        ensure!(numbers >= vec![3, 11], "python3 is version {version}");
        Ok(Self { version, prefix })
    }

    fn key(&self) -> String {
        // Another hash after a change of compiler costs one installation, no more.
        let mut hash = DefaultHasher::new();
        (REQUIREMENTS, &self.version, &self.prefix).hash(&mut hash);
        format!("{:016x}", hash.finish())
    }
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
    say("moto: another process is installing it; waiting for that");
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .with_context(context)
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
                // pip names all packages in one line.
                let doing: String = child.log_tail(1).trim().chars().take(80).collect();
                say(&format!("moto: {name}, {} s: {doing}", passed.as_secs()));
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
    use tempfile::TempDir;

    use super::*;

    /// A place with a shell script for its python3.
    fn place(script: &str) -> (TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let python = dir.path().join("python3");
        // Written by a process of its own: a child of another test could hold a file that this one
        // has open for writing, and such a file cannot be executed.
        let mut write = Command::new("/bin/sh");
        write.args(["-c", r#"printf '%s' "$1" > "$2"; chmod +x "$2""#, "sh"]);
        write.arg(format!("#!/bin/sh\n{script}")).arg(&python);
        assert!(write.status().unwrap().success());
        let folder = dir.path().join("cache");
        (dir, Place { python, folder })
    }

    /// Answers as version 3.12.1 does; its environment's python counts the installations.
    const WORKING: &str = r#"
        if [ "$1" = -c ]; then printf '3.12.1\n/usr\n'; exit; fi
        mkdir -p "$3/bin"
        printf '#!/bin/sh\necho installed >> "%s/count"\n' "$3" > "$3/bin/python"
        chmod +x "$3/bin/python"
    "#;

    async fn failure(place: &Place) -> String {
        let error = format!("{:?}", place.prepare().await.unwrap_err());
        assert!(error.contains("apt-get install python3"), "{error}");
        assert!(error.contains("PIP_INDEX_URL"), "{error}");
        error
    }

    #[tokio::test]
    async fn without_python_the_error_names_the_ways_out() {
        let (_dir, mut place) = place("");
        place.python = "/no/such/python3".into();
        assert!(failure(&place).await.contains("/no/such/python3"));
    }

    #[tokio::test]
    async fn an_old_python_is_named_with_its_version() {
        let (_dir, place) = place("printf '3.10.14\n/usr\n'");
        assert!(failure(&place).await.contains("3.10.14"));
    }

    #[tokio::test]
    async fn a_failed_installation_shows_its_log_and_is_tried_again() {
        let script = "[ \"$1\" = -c ] && printf '3.11.2\n/usr\n' && exit; mkdir -p $3; echo no ensurepip; exit 1";
        let (_dir, place) = place(script);
        for _ in 0..2 {
            assert!(failure(&place).await.contains("no ensurepip"));
        }
    }

    #[tokio::test]
    async fn two_at_once_install_once() {
        let (_dir, place) = place(WORKING);
        let (one, two) = tokio::join!(place.prepare(), place.prepare());
        let environment = one.unwrap();
        assert_eq!(environment, two.unwrap());
        let count = fs::read_to_string(environment.join("count")).unwrap();
        assert_eq!(count, "installed\n");
    }

    #[test]
    fn another_python_has_another_environment() {
        let key = |version: &str, prefix: &str| {
            let (version, prefix) = (version.to_owned(), prefix.to_owned());
            Facts { version, prefix }.key()
        };
        let keys = [
            key("3.11.1", "/usr"),
            key("3.11.2", "/usr"),
            key("3.11.1", "/opt"),
        ];
        assert_eq!(keys[0], key("3.11.1", "/usr"));
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    }

    #[test]
    fn every_requirement_is_pinned() {
        let requirements = REQUIREMENTS.lines().filter(|line| !line.starts_with('#'));
        let loose: Vec<_> = requirements.filter(|line| !line.contains("==")).collect();
        assert!(loose.is_empty(), "{loose:?}");
    }
}
